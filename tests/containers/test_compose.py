"""What docker-compose.yml promises, read from the file as podman-compose parses it."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.settings import SourceSettings
from dashboards.roles import read_roles
from medallion.settings import PROJECT_ROOT
from portal.catalogue import SERVICES
from stack.host.home import Home
from stack.host.settings import StackSettings
from stack.services.airflow.service import airflow_environment
from stack.services.endpoints import Endpoints
from stack.services.postgres.roles import INGESTION, TRANSFORMATION
from stack.services.superset import superset_environment, superset_service
from tests.containers.conftest import (
    EXAMPLE,
    SUPERSET_IMAGE,
    Compose,
    Read,
    dockerfile_steps,
    image_environment,
    parsed,
    required_settings,
)

WRITTEN = (PROJECT_ROOT / "docker-compose.yml").read_text(encoding="utf-8")
GUIDE = (PROJECT_ROOT / "docs" / "containers.md").read_text(encoding="utf-8")
VARIABLE = re.compile(r"\$\{(\w+)(:[?-])([^}]*)\}")
SECRET = re.compile(r"PASSWORD|SECRET|KEY|JWT|TOKEN")
AIRFLOW = ("airflow-init", "airflow-webserver", "airflow-scheduler", "airflow-dag-processor")
PLATFORM = ("api", "portal", *AIRFLOW, "superset-apply")
OURS = (*PLATFORM, "superset")
BI = {"superset", "superset-apply"}  # the services of the profile
ONCE = ["airflow-init", "superset-apply"]  # they run to their end
ROOT = ("", "root", "0")

# Where the two cannot agree: another folder, host or port, or a secret of each installation's own.
ELSEWHERE = {
    "AIRFLOW_CONN_RETAIL_INGESTION",
    "AIRFLOW_CONN_RETAIL_TRANSFORMATION",
    "AIRFLOW_HOME",
    "AIRFLOW__API__BASE_URL",
    "AIRFLOW__API__SECRET_KEY",
    "AIRFLOW__API_AUTH__JWT_SECRET",
    "AIRFLOW__CORE__DAGS_FOLDER",
    "AIRFLOW__CORE__EXECUTION_API_SERVER_URL",
    "AIRFLOW__CORE__FERNET_KEY",
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
    "AIRFLOW__LOGGING__BASE_LOG_FOLDER",
    "BRONZE_URL",
    "DATABASE_URL",
    "NO_PROXY",
    "PYTHONPATH",
    "RETAIL_HOME",
    "RETAIL_PG_HOST",
    "RETAIL_PG_PASSWORD",
    "SOURCE_API_KEY",
    "SOURCE_API_URL",
    "no_proxy",
    # The login that the platform's users were promised for the containers.
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS",
}


def services(compose: Compose) -> dict[str, Any]:
    found: dict[str, Any] = compose["services"]
    return found


# ---------------------------------------------------------------- secrets


@pytest.mark.slow
def test_every_secret_without_a_value_is_refused(read_compose: Read, filled_in: dict[str, str]) -> None:
    for name in required_settings():
        done = read_compose({key: value for key, value in filled_in.items() if key != name})
        assert done.returncode != 0, name
        assert name in done.stderr


def test_the_example_as_it_is_starts_nothing(read_compose: Read) -> None:
    settings = dict(line.split("=", 1) for line in EXAMPLE.read_text().splitlines() if re.match(r"[A-Z_]+=", line))
    assert read_compose(settings).returncode != 0


def test_every_secret_of_the_file_is_required_and_no_other_setting_is() -> None:
    used = {(name, operator == ":?") for name, operator, _ in VARIABLE.findall(WRITTEN)}
    required = {name for name, is_required in used if is_required}
    assert required == {name for name, _ in used if SECRET.search(name)} == set(required_settings())
    assert len(VARIABLE.findall(WRITTEN)) == WRITTEN.count("${")


def test_no_secret_is_written_into_the_file(compose: Compose, filled_in: dict[str, str]) -> None:
    checked = 0
    for name, service in services(compose).items():
        for key, value in service["environment"].items():
            if SECRET.search(key) and not key.endswith("_FILE"):
                assert any(secret in value for secret in filled_in.values()), f"{name}: {key}"
                checked += 1
    assert checked > len(required_settings())


def test_a_service_is_given_the_secrets_it_needs_and_no_more(compose: Compose, filled_in: dict[str, str]) -> None:
    holds = {
        name: {key for key, value in filled_in.items() if value in json.dumps(service)}
        for name, service in services(compose).items()
    }
    running = {"AIRFLOW_API_SECRET_KEY", "AIRFLOW_DB_PASSWORD", "AIRFLOW_FERNET_KEY", "AIRFLOW_JWT_SECRET"}
    layers = {"RETAIL_INGESTION_PASSWORD", "RETAIL_TRANSFORMATION_PASSWORD"}
    running |= layers | {"SOURCE_API_KEY"}
    assert holds == {
        "postgres": layers
        | {"RETAIL_DB_PASSWORD", "POSTGRES_PASSWORD", "AIRFLOW_DB_PASSWORD"}
        | {"RETAIL_READER_PASSWORD", "RETAIL_ANALYST_PASSWORD"},
        "pgadmin": {"PGADMIN_PASSWORD", "RETAIL_READER_PASSWORD"},
        "api": {"SOURCE_API_KEY"},
        "portal": {"RETAIL_READER_PASSWORD"},
        "airflow-init": running | {"AIRFLOW_ADMIN_PASSWORD", "RETAIL_DB_PASSWORD"},
        "airflow-webserver": running,
        "airflow-scheduler": running,
        "airflow-dag-processor": running,
        "superset": {name for name in filled_in if name.startswith("SUPERSET_")} | {"RETAIL_READER_PASSWORD"},
        "superset-apply": {"SUPERSET_ADMIN_PASSWORD"},
    }


def test_no_secret_is_part_of_a_command(compose: Compose, filled_in: dict[str, str]) -> None:
    for service in services(compose).values():
        words = json.dumps([service.get("command"), service.get("entrypoint"), service.get("healthcheck")])
        assert not [name for name, value in filled_in.items() if value in words]


def test_all_airflow_services_share_one_environment(compose: Compose) -> None:
    first, *others = ({**services(compose)[name]["environment"]} for name in AIRFLOW)
    assert first.pop("AIRFLOW_ADMIN_PASSWORD")
    assert "//retail:" in first["DATABASE_URL"]  # it applies the schema
    first["DATABASE_URL"] = first["AIRFLOW_CONN_RETAIL_INGESTION"]
    assert first["AIRFLOW__API_AUTH__JWT_SECRET"]
    assert others == [first, first, first]


def test_the_example_names_every_setting_with_the_default_of_the_file() -> None:
    defaults = {name: value for name, operator, value in VARIABLE.findall(WRITTEN) if operator == ":-"}
    assert dict(re.findall(r"^#([A-Z_]+)=(.*)$", EXAMPLE.read_text(), re.MULTILINE)) == defaults


def test_the_fernet_key_made_as_the_example_says_is_one() -> None:
    from cryptography.fernet import Fernet

    (command,) = re.findall(r"^#   (openssl rand -base64 .*)$", EXAMPLE.read_text(), re.MULTILINE)
    made = subprocess.run(["sh", "-c", command], text=True, capture_output=True, check=True).stdout.strip()
    key = Fernet(made)
    assert key.decrypt(key.encrypt(b"a connection")) == b"a connection"


# ---------------------------------------------------------------- reach and rights


def test_every_port_is_published_on_loopback_only(compose: Compose) -> None:
    ports = [port for service in services(compose).values() for port in service.get("ports", [])]
    assert sorted(ports) == [
        "127.0.0.1:4011:4010",
        "127.0.0.1:5050:5050",
        "127.0.0.1:5432:5432",
        "127.0.0.1:8000:8000",
        "127.0.0.1:8080:8080",
        "127.0.0.1:8088:8088",
    ]


def test_ports_of_the_settings_replace_the_defaults(read_compose: Read, filled_in: dict[str, str]) -> None:
    moved = {"POSTGRES_PORT": "15432", "API_PORT": "14011", "AIRFLOW_PORT": "18080", "PGADMIN_PORT": "15050"}
    moved |= {"PORTAL_PORT": "18000", "SUPERSET_PORT": "18088"}
    found = services(parsed(read_compose(filled_in | moved, "bi")))
    outside = {port.split(":")[1] for service in found.values() for port in service.get("ports", [])}
    assert outside == set(moved.values())
    pages = [page for _, page in json.loads(found["portal"]["environment"]["PORTAL_ADDRESSES"]).values() if page]
    assert {page.rpartition(":")[2] for page in pages} == outside - {"15432", "18000"}
    webserver = found["airflow-webserver"]["environment"]
    assert webserver["AIRFLOW__API__BASE_URL"] == "http://localhost:18080"
    assert webserver["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://airflow-webserver:8080/execution/"


def test_no_service_runs_as_root(compose: Compose) -> None:
    users = {name: str(service.get("user", "")).split(":")[0] for name, service in services(compose).items()}
    assert not [name for name, user in users.items() if user in ROOT]
    assert {services(compose)[name]["user"] for name in PLATFORM} == {image_user()}
    assert services(compose)["superset"]["user"] == image_user(SUPERSET_IMAGE)
    assert image_user().split(":")[0] not in ROOT


def test_images_are_pinned_to_a_version(compose: Compose) -> None:
    images = [service["image"] for service in services(compose).values()]
    steps = [*dockerfile_steps(), *dockerfile_steps(SUPERSET_IMAGE)]
    images += [rest for word, rest in steps if word == "FROM"]
    assert not [image for image in images if not re.fullmatch(r"[\w/-]+:\d[\w.-]*", image)]


def test_our_services_have_no_capabilities_and_cannot_gain_any(compose: Compose) -> None:
    for name in (*OURS, "postgres"):
        assert services(compose)[name]["cap_drop"] == ["ALL"]
        assert services(compose)[name]["security_opt"] == ["no-new-privileges:true"]


# ---------------------------------------------------------------- start and stop


def test_every_service_has_a_health_check_or_runs_once(compose: Compose) -> None:
    once = [name for name, service in services(compose).items() if "healthcheck" not in service]
    assert once == ONCE
    assert {services(compose)[name]["restart"] for name in once} == {"no"}
    others = {service["restart"] for name, service in services(compose).items() if name not in once}
    assert others == {"unless-stopped"}


def test_the_promised_commands_reach_every_service(compose: Compose) -> None:
    assert _pulled_up(compose, "postgres", "pgadmin", "airflow-init") == {"postgres", "pgadmin", "airflow-init"}
    others = {"pgadmin", "portal", *BI}
    assert _pulled_up(compose, "airflow-webserver", "airflow-scheduler") == set(services(compose)) - others
    assert _pulled_up(compose, "portal") == {"portal", "postgres", "airflow-init"}


def test_only_the_profile_starts_superset(compose: Compose, without_profile: Compose) -> None:
    assert {name for name, service in services(compose).items() if service.get("profiles") == ["bi"]} == BI
    assert set(services(compose)) - set(services(without_profile)) == BI
    assert _pulled_up(compose, *BI) == {*BI, "postgres", "airflow-init"}


def test_a_dependency_is_waited_for_by_what_it_can_show(compose: Compose) -> None:
    for name, service in services(compose).items():
        for other, wish in service.get("depends_on", {}).items():
            checked = "healthcheck" in services(compose)[other]
            allowed = {"service_healthy", "service_started"} if checked else {"service_completed_successfully"}
            assert wish["condition"] in allowed, f"{name} -> {other}"


def test_everything_that_lasts_is_on_a_named_volume(compose: Compose) -> None:
    mounts = [mount for service in services(compose).values() for mount in service.get("volumes", [])]
    files = [mount for mount in mounts if mount.startswith("./")]
    named = {mount.split(":")[0] for mount in mounts} - {mount.split(":")[0] for mount in files}
    assert named == set(compose["volumes"])
    assert all(mount.endswith(":ro,z") and (PROJECT_ROOT / mount.split(":")[0]).is_file() for mount in files)
    assert "postgres:/var/lib/postgresql" in services(compose)["postgres"]["volumes"]


def test_airflow_services_share_the_folders_they_write_to(compose: Compose) -> None:
    mounts = [services(compose)[name]["volumes"] for name in AIRFLOW]
    assert all(mount == mounts[0] for mount in mounts)
    environment = services(compose)["airflow-scheduler"]["environment"]
    targets = [mount.split(":")[1] for mount in mounts[0]]
    written = ["AIRFLOW_HOME", "BRONZE_URL", "DBT_TARGET_PATH", "AIRFLOW__LOGGING__BASE_LOG_FOLDER"]
    for name in written:
        assert any(environment[name].startswith(target) for target in targets), name
    assert not [target for target in targets if target not in made_folders()]


def test_superset_keeps_what_lasts_on_its_volume(compose: Compose) -> None:
    (target,) = [mount.split(":")[1] for mount in services(compose)["superset"]["volumes"]]
    assert services(compose)["superset"]["environment"]["SUPERSET_METADATA_URL"].startswith(f"sqlite:///{target}/")
    assert image_environment(SUPERSET_IMAGE)["SUPERSET_HOME"] == target
    assert target in made_folders(SUPERSET_IMAGE)


# ---------------------------------------------------------------- the same platform


def test_airflow_is_set_up_as_on_one_machine(compose: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        monkeypatch.delenv(name)
    home = Home(tmp_path).prepare()
    urls = [f"postgresql://{name}:secret@127.0.0.1:5432/retail" for name in ("retail", INGESTION, TRANSFORMATION)]
    endpoints = Endpoints(
        urls[0],
        "http://127.0.0.1:4010",
        "key",
        "bronze",
        "postgresql+psycopg2://airflow",
        8080,
        ingestion_url=urls[1],
        transformation_url=urls[2],
    )
    native = airflow_environment(home, StackSettings(retail_home=tmp_path), endpoints)
    contained = image_environment() | services(compose)["airflow-scheduler"]["environment"]
    assert not set(native) - set(contained), "set on one machine only"
    different = {name for name in native if native[name] != contained[name]}
    assert different <= ELSEWHERE


def test_superset_is_set_up_as_on_one_machine(
    compose: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same settings, and beside them what only a container needs: other hosts, and the passwords of its users."""
    for name in list(os.environ):
        monkeypatch.delenv(name)
    native = superset_environment(Home(tmp_path).prepare(), "postgresql://retail_reader:secret@127.0.0.1:5432/retail")
    contained = image_environment(SUPERSET_IMAGE) | services(compose)["superset"]["environment"]
    passwords = {f"SUPERSET_{user.upper()}_PASSWORD" for user in read_roles().users}
    image = {"HOME", "PIP_NO_CACHE_DIR", "UV_NO_CACHE", "UV_PYTHON_DOWNLOADS"}
    assert set(contained) == set(native) | passwords | image | {"SUPERSET_HOSTS"}
    for name in ("TZ", "PYTHONUNBUFFERED"):
        assert contained[name] == native[name]
    assert "//retail_reader:" in contained["SUPERSET_WAREHOUSE_URL"]


def test_superset_is_told_a_password_for_each_user_that_is_declared(compose: Compose) -> None:
    told = {name for name in services(compose)["superset"]["environment"] if name.endswith("_PASSWORD")}
    assert told == {f"SUPERSET_{user.upper()}_PASSWORD" for user in read_roles().users}


def test_a_user_without_a_password_stops_the_start_with_its_variable(tmp_path: Path) -> None:
    script = (PROJECT_ROOT / "docker" / "superset-start.sh").read_text(encoding="utf-8")
    script = script.replace(
        "python /opt/retail/superset/prepare.py", "python -c 'import json, sys; json.load(sys.stdin)'"
    )
    (tmp_path / "start.sh").write_text(script.replace("/opt/retail", str(PROJECT_ROOT)), encoding="utf-8")
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "SUPERSET_METADATA_URL": f"sqlite:///{tmp_path}/superset.db",
        "SUPERSET_ADMIN_PASSWORD": "a",
        "SUPERSET_SALES_PASSWORD": "b",
    }
    command = ["sh", str(tmp_path / "start.sh")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "give the service superset SUPERSET_VIEWER_PASSWORD: in .env, and in docker-compose.yml" in done.stderr


def test_superset_is_served_as_on_one_machine() -> None:
    script = (PROJECT_ROOT / "docker" / "superset-start.sh").read_text(encoding="utf-8")
    (served,) = re.findall(r"^exec (.*)$", script, re.MULTILINE)
    native = superset_service(Path("/programs"), {}, 8088).command
    contained = shlex.split(served)
    assert contained[1:] == [word.replace("127.0.0.1", "0.0.0.0") for word in native[1:]]  # noqa: S104 - of a container
    assert Path(native[0]).name == contained[0]


def test_the_dashboards_are_brought_to_the_superset_of_the_file(compose: Compose) -> None:
    given = services(compose)["superset-apply"]["environment"]
    url = httpx.URL(given["SUPERSET_URL"])
    assert url.host in services(compose)["superset"]["environment"]["SUPERSET_HOSTS"].split(",")
    assert services(compose)["superset"]["ports"][0].endswith(f":{url.port}")
    assert given["SUPERSET_PASSWORD"] == services(compose)["superset"]["environment"]["SUPERSET_ADMIN_PASSWORD"]
    assert url.host in given["NO_PROXY"].split(",")
    assert given["NO_PROXY"] == given["no_proxy"]


def test_the_start_page_knows_every_service_with_a_page(compose: Compose) -> None:
    """By the name of its container, through no proxy, and at the port that is published."""
    environment = services(compose)["portal"]["environment"]
    places = json.loads(environment["PORTAL_ADDRESSES"])
    probes = {httpx.URL(probe) for probe, _ in places.values() if probe}
    assert {url.host for url in probes} == {"airflow-webserver", "api", "pgadmin", "superset"}
    for url in probes:
        assert any(port.endswith(f":{url.port}") for port in services(compose)[url.host]["ports"]), url


def test_a_service_that_may_be_left_out_is_named_with_a_command_that_starts_it(compose: Compose) -> None:
    commands = {one.name: one.start_container for one in SERVICES if one.start_container}
    assert set(commands) == {"superset", "pgadmin"}
    for name, command in commands.items():
        words = command.split()
        (profile,) = services(compose)[name].get("profiles") or [None]
        assert words[:2] == ["docker", "compose"]
        assert (f"--profile {profile}" in command) if profile else words[-1] == name


def test_the_data_set_is_the_one_that_the_source_serves_by_default(
    compose: Compose, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in SourceSettings.model_fields:
        monkeypatch.delenv(f"SOURCE_{name.upper()}", raising=False)
    default = SourceSettings()
    for name, value in services(compose)["api"]["environment"].items():
        monkeypatch.setenv(name, value)
    contained = SourceSettings()
    same = {"api_key": None}
    assert contained.model_copy(update=same) == default.model_copy(update=same)


def test_the_preloaded_server_has_what_pgadmin_asks_for(compose: Compose) -> None:
    """Keys as in pgAdmin's documentation of its import format; the reader's role and database as we make them."""
    (server,) = json.loads((PROJECT_ROOT / "docker" / "servers.json").read_text())["Servers"].values()
    assert {"Name", "Group", "Host", "Port", "MaintenanceDB", "Username", "ConnectionParameters"} <= set(server)
    assert isinstance(server["Port"], int)
    assert server["Host"] in services(compose)
    assert (server["Username"], server["MaintenanceDB"]) == ("retail_reader", "retail")
    assert "password" not in json.dumps(server).lower()
    mounts = services(compose)["pgadmin"]["volumes"]
    assert any(services(compose)["pgadmin"]["environment"]["PGADMIN_SERVER_JSON_FILE"] in mount for mount in mounts)


# ---------------------------------------------------------------- the guide


def test_the_guide_names_services_ports_volumes_and_secrets_as_they_are(compose: Compose) -> None:
    verbs = r"(?:up -d|stop|run|exec|cp|pull|logs(?: --\w+)?)"
    commands = re.findall(rf"docker compose ((?:--profile bi )?{verbs}[^`\n;|]*)", GUIDE)
    words = {word.split(":")[0] for command in commands for word in command.split() if ":" in word or "-" in word[1:]}
    named = {word for word in words if re.fullmatch(r"(airflow|post|pg|api|superset)[\w-]*", word)}
    named -= {"pg_dump", "pg_restore"}
    assert named >= BI
    assert named <= set(services(compose))
    assert all(f"`{volume}`" in GUIDE for volume in compose["volumes"])
    assert all(f"`{name}`" in GUIDE for name in required_settings())
    published = [port.split(":")[1] for service in services(compose).values() for port in service.get("ports", [])]
    assert all(f":{port}" in GUIDE for port in published)
    assert all(service["image"] in GUIDE for service in services(compose).values() if "build" not in service)


def image_user(file: Path = PROJECT_ROOT / "Dockerfile") -> str:
    """Whom an image runs as."""
    (user,) = [rest for word, rest in dockerfile_steps(file) if word == "USER"]
    return user


def made_folders(file: Path = PROJECT_ROOT / "Dockerfile") -> list[str]:
    """The folders that an image has for volumes."""
    (step,) = [rest for word, rest in dockerfile_steps(file) if word == "RUN" and "useradd" in rest]
    (made,) = re.findall(r"mkdir -p ([^&]*)", step)
    folders: list[str] = made.split()
    return folders


def _pulled_up(compose: Compose, *names: str) -> set[str]:
    """These services and all that they depend on."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += services(compose)[name].get("depends_on", {})
    return found
