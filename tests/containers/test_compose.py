"""What docker-compose.yml promises, read from the file as podman-compose parses it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from backend.settings import SourceSettings
from medallion.settings import PROJECT_ROOT
from stack.host.home import Home
from stack.host.settings import StackSettings
from stack.services.airflow.service import airflow_environment
from stack.services.endpoints import Endpoints
from stack.services.postgres.roles import INGESTION, TRANSFORMATION
from tests.containers.conftest import EXAMPLE, Compose, Read, dockerfile_steps, image_environment, required_settings

WRITTEN = (PROJECT_ROOT / "docker-compose.yml").read_text(encoding="utf-8")
GUIDE = (PROJECT_ROOT / "docs" / "containers.md").read_text(encoding="utf-8")
VARIABLE = re.compile(r"\$\{(\w+)(:[?-])([^}]*)\}")
SECRET = re.compile(r"PASSWORD|SECRET|KEY|JWT|TOKEN")
AIRFLOW = ("airflow-init", "airflow-webserver", "airflow-scheduler", "airflow-dag-processor")
OURS = ("api", "portal", *AIRFLOW)
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
    ]


def test_ports_of_the_settings_replace_the_defaults(read_compose: Read, filled_in: dict[str, str]) -> None:
    moved = {"POSTGRES_PORT": "15432", "API_PORT": "14011", "AIRFLOW_PORT": "18080", "PGADMIN_PORT": "15050"}
    moved |= {"PORTAL_PORT": "18000"}
    parsed = yaml.safe_load(read_compose(filled_in | moved).stdout)
    outside = {port.split(":")[1] for service in services(parsed).values() for port in service.get("ports", [])}
    assert outside == set(moved.values())
    webserver = services(parsed)["airflow-webserver"]["environment"]
    assert webserver["AIRFLOW__API__BASE_URL"] == "http://localhost:18080"
    assert webserver["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://airflow-webserver:8080/execution/"


def test_no_service_runs_as_root(compose: Compose) -> None:
    users = {name: str(service.get("user", "")).split(":")[0] for name, service in services(compose).items()}
    assert not [name for name, user in users.items() if user in ROOT]
    (image_user,) = [rest for word, rest in dockerfile_steps() if word == "USER"]
    assert {services(compose)[name]["user"] for name in OURS} == {image_user}
    assert image_user.split(":")[0] not in ROOT


def test_images_are_pinned_to_a_version(compose: Compose) -> None:
    images = [service["image"] for service in services(compose).values()]
    images += [rest for word, rest in dockerfile_steps() if word == "FROM"]
    assert not [image for image in images if not re.fullmatch(r"[\w/-]+:\d[\w.-]*", image)]


def test_our_services_have_no_capabilities_and_cannot_gain_any(compose: Compose) -> None:
    for name in (*OURS, "postgres"):
        assert services(compose)[name]["cap_drop"] == ["ALL"]
        assert services(compose)[name]["security_opt"] == ["no-new-privileges:true"]


# ---------------------------------------------------------------- start and stop


def test_every_service_has_a_health_check_or_runs_once(compose: Compose) -> None:
    once = [name for name, service in services(compose).items() if "healthcheck" not in service]
    assert once == ["airflow-init"]
    assert services(compose)["airflow-init"]["restart"] == "no"
    others = {service["restart"] for name, service in services(compose).items() if name not in once}
    assert others == {"unless-stopped"}


def test_the_promised_commands_reach_every_service(compose: Compose) -> None:
    assert _pulled_up(compose, "postgres", "pgadmin", "airflow-init") == {"postgres", "pgadmin", "airflow-init"}
    others = {"pgadmin", "portal"}
    assert _pulled_up(compose, "airflow-webserver", "airflow-scheduler") == set(services(compose)) - others
    assert _pulled_up(compose, "portal") == {"portal", "postgres", "airflow-init"}


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
    made = next(rest for word, rest in dockerfile_steps() if word == "RUN" and "useradd" in rest)
    assert not [target for target in targets if target not in made]


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
    commands = re.findall(r"docker compose ((?:up -d|stop|exec|cp|pull|logs(?: --\w+)?)[^`\n;|]*)", GUIDE)
    words = {word.split(":")[0] for command in commands for word in command.split() if ":" in word or "-" in word[1:]}
    named = {word for word in words if re.fullmatch(r"(airflow|post|pg|api)[\w-]*", word)} - {"pg_dump", "pg_restore"}
    assert named
    assert named <= set(services(compose))
    assert all(f"`{volume}`" in GUIDE for volume in compose["volumes"])
    assert all(f"`{name}`" in GUIDE for name in required_settings())
    published = [port.split(":")[1] for service in services(compose).values() for port in service.get("ports", [])]
    assert all(f":{port}" in GUIDE for port in published)
    assert all(service["image"] in GUIDE for service in services(compose).values() if "build" not in service)


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
