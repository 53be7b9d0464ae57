"""Every command and health check of docker-compose.yml, run natively: no container engine, everything else real.

A small stand-in for an engine starts what a service depends on first, waits as its conditions say, and gives each
process the environment of the image and of the file, and nothing else. Host names become 127.0.0.1, ports free ones,
the folders of the image those of the checkout and of the test.
"""

from __future__ import annotations

import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg2
import pytest

from dashboards.declared import read_dashboards
from dashboards.roles import read_roles
from dashboards.server import open_server
from medallion.database import connect
from medallion.errors import DashboardServerError, ToolUnavailable
from medallion.schema import prepare_schema
from medallion.settings import PROJECT_ROOT
from stack.host.environments import LOCKS, prepare_environment
from stack.host.home import Home
from stack.services.postgres.roles import DATABASE_OF, INGESTION, TRANSFORMATION, Login, prepare_roles
from stack.services.processes import Service, running, start, stop
from tests.containers.conftest import Compose, dockerfile_steps, image_environment
from tests.ports import free_port
from tests.postgres_server import postgres_programs
from tests.queries import rows

PORTS = {"postgres": "5432", "api": "4010", "airflow-webserver": "8080", "pgadmin": "5050", "portal": "8000"}
PORTS |= {"superset": "8088"}
FOREIGN = ("pgadmin",)  # its image is not ours and cannot run here
ACCOUNT: dict[str, Any] = {"user": "nobody", "extra_groups": []} if os.geteuid() == 0 else {}
SMALL_DATA_SET = {"SOURCE_CUSTOMERS": "50", "SOURCE_PRODUCTS": "20", "SOURCE_SALES_PER_HOUR": "1"}


@dataclass
class Engine:
    """Runs the services of the file on this machine."""

    compose: Compose
    home: Home
    programs: Path = Path(sys.executable).parent  # of the image that is ours
    ports: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        # A service that is left out has neither a name nor a port.
        self.ports = {name: str(free_port()) for name in PORTS if name in self.services()}

    def services(self) -> dict[str, Any]:
        found: dict[str, Any] = self.compose["services"]
        return found

    def native(self, text: str) -> str:
        """The same word outside a container."""
        by_number = {PORTS[name]: port for name, port in self.ports.items()}
        hosts = "|".join([*self.ports, "localhost", r"127\.0\.0\.1", r"0\.0\.0\.0"])
        numbers = "|".join(by_number)
        pattern = r"(?P<home>/var/lib/(?:retail|superset))|(?P<scratch>/tmp/retail)|(?P<code>/opt/retail)"
        pattern += rf"|\b(?:{hosts}):(?P<at>{numbers})\b"
        pattern += rf"|\b(?P<number>{numbers})\b|(?P<all>0\.0\.0\.0)"

        def replaced(found: re.Match[str]) -> str:
            if found["at"]:
                return f"127.0.0.1:{by_number[found['at']]}"
            if found["number"]:
                return by_number[found["number"]]
            folders = {"home": self.home.path, "scratch": self.home.path / "tmp", "code": PROJECT_ROOT}
            return "127.0.0.1" if found["all"] else str(folders[found.lastgroup or ""])

        return re.sub(pattern, replaced, text)

    def environment(self, name: str) -> dict[str, str]:
        """What the image and the file set; PATH leads to this Python and to PostgreSQL's programs."""
        image = image_environment(self.dockerfile(name)) if "build" in self.services()[name] else {}
        given = image | self.services()[name]["environment"]
        native = {key: self.native(value) for key, value in given.items()}
        native |= {key: "127.0.0.1" for key in native if key.endswith("_HOST")}
        path = f"{self.programs_of(name)}:{postgres_programs()}:/usr/local/bin:/usr/bin:/bin"
        return native | {"PATH": path, "LANG": "C.UTF-8"}

    def dockerfile(self, name: str) -> Path:
        return PROJECT_ROOT / self.services()[name]["build"].get("dockerfile", "Dockerfile")

    def programs_of(self, name: str) -> Path:
        """Those of the service's image."""
        return self.programs if name == "superset" else Path(sys.executable).parent

    def command(self, name: str) -> list[str]:
        """The file's, or else the image's."""
        words = self.services()[name].get("command")
        if words is None:
            (given,) = [rest for word, rest in dockerfile_steps(self.dockerfile(name)) if word == "CMD"]
            words = json.loads(given)
        return [self._script(Path(self.native(word))) if word.endswith(".sh") else self.native(word) for word in words]

    def _script(self, file: Path) -> str:
        """A script of the image; if it names folders or ports of the image, a copy with those of the test."""
        written = file.read_text(encoding="utf-8")
        if self.native(written) == written:
            return str(file)
        copy = self.home.run / file.name
        copy.write_text(self.native(written), encoding="utf-8")
        return str(copy)

    def run(self, name: str) -> subprocess.CompletedProcess[str]:
        """The service's command, to its end."""
        return self._call(self.command(name), name)

    def check(self, name: str) -> subprocess.CompletedProcess[str]:
        """The service's health check, once."""
        kind, *command = self.services()[name]["healthcheck"]["test"]
        assert kind == "CMD"
        return self._call([self.native(word) for word in command], name)

    def up(self, *names: str) -> None:
        """Start these services and, before them, what they depend on."""
        for name in names:
            if name in FOREIGN or running(self.home, name) or (self.home.run / f"{name}.done").exists():
                continue
            self._await_dependencies(name)
            if self.services()[name]["restart"] == "no":
                done = self.run(name)
                assert done.returncode == 0, done.stderr[-3000:]
                (self.home.run / f"{name}.done").touch()
            else:
                self._start(name)

    def await_healthy(self, name: str, seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while (done := self.check(name)).returncode != 0:
            log = self.home.logs / f"{name}.log"
            assert running(self.home, name), log.read_text()[-3000:]
            assert time.monotonic() < deadline, f"{name}: {done.stdout} {log.read_text()[-3000:]}"
            time.sleep(1)

    def down(self) -> None:
        stop(self.home, list(reversed(self.services())))

    def _await_dependencies(self, name: str) -> None:
        for other, wish in self.services()[name].get("depends_on", {}).items():
            self.up(other)
            if wish["condition"] == "service_healthy":
                self.await_healthy(other)

    def _start(self, name: str) -> None:
        if name != "postgres":  # a fixture has started it: it needs an account of its own
            start(self.home, Service(name, tuple(self.command(name)), self.environment(name)))

    def _call(self, command: list[str], name: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            env=self.environment(name),
            cwd=self.home.path,
            text=True,
            capture_output=True,
            timeout=300,
            check=False,
        )


@pytest.fixture
def engine(without_profile: Compose, tmp_path: Path) -> Iterator[Engine]:
    """An engine whose postgres service runs, set up as the image does it on an empty volume."""
    with engine_of(without_profile, tmp_path) as engine:
        yield engine


@contextmanager
def engine_of(compose: Compose, place: Path, **more: Path) -> Iterator[Engine]:
    """As the fixture, for the file with the profiles that `compose` was read with."""
    home = Home(place / "retail").prepare()
    for folder in ("bronze", "dbt"):
        (home.path / folder).mkdir(exist_ok=True)
    engine = Engine(compose, home, **more)
    with postgres_service(engine):
        try:
            yield engine
        finally:
            engine.down()


@contextmanager
def postgres_service(engine: Engine) -> Iterator[None]:
    """Set up with initdb and the file's arguments; run the file's command and the script that the image would find."""
    environment = engine.environment("postgres")
    data = Path(tempfile.mkdtemp(prefix="retail-containers-"))
    try:
        (data / "password").write_text(environment["POSTGRES_PASSWORD"])
        if ACCOUNT:
            shutil.chown(data, ACCOUNT["user"])
            shutil.chown(data / "password", ACCOUNT["user"])
        initdb = ["initdb", "--username=postgres", f"--pwfile={data / 'password'}", "--no-sync"]
        arguments = environment["POSTGRES_INITDB_ARGS"].split()
        _as_account([*initdb, *arguments, f"--pgdata={data / 'cluster'}"], environment)
        ours = [f"-D{data / 'cluster'}", f"-p{engine.ports['postgres']}", "-cunix_socket_directories=", "-cfsync=off"]
        noisy = ["-clog_statement=all", "-clog_min_duration_statement=0"]
        with (engine.home.logs / "postgres.log").open("wb") as log:
            server = subprocess.Popen(
                [*engine.command("postgres"), *ours, *noisy],
                env=environment,
                cwd="/",
                stderr=log,
                stdout=log,
                **ACCOUNT,
            )
        try:
            _until(lambda: engine.check("postgres").returncode == 0)
            done = init_databases(engine)
            assert done.returncode == 0, done.stderr
            (engine.home.run / "postgres.done").touch()
            yield
        finally:
            server.terminate()
            with suppress(subprocess.TimeoutExpired):
                server.wait(20)
            server.kill()
            server.wait()
    finally:
        shutil.rmtree(data)


def init_databases(engine: Engine, **changed: str) -> subprocess.CompletedProcess[str]:
    """The script as the image runs it, but over TCP, because the test's server has no socket."""
    where = {"PGHOST": "127.0.0.1", "PGPORT": engine.ports["postgres"]}
    return subprocess.run(
        ["bash", str(PROJECT_ROOT / "docker" / "init-databases.sh")],
        env=engine.environment("postgres") | where | changed,
        text=True,
        capture_output=True,
        check=False,
    )


def address(engine: Engine, role: str, variable: str, database: str = "retail") -> str:
    password = engine.environment("postgres")[variable]
    return f"postgresql://{role}:{password}@127.0.0.1:{engine.ports['postgres']}/{database}"


# ---------------------------------------------------------------- databases


def test_init_databases_run_twice_changes_nothing_but_the_passwords(engine: Engine) -> None:
    catalog = "select rolname, rolcanlogin, rolsuper from pg_roles where rolname !~ '^pg_' order by 1"
    grants = "select nspname, nspacl::text from pg_namespace where nspname in ('meta', 'silver', 'gold') order by 1"
    owner = address(engine, "retail", "RETAIL_DB_PASSWORD")
    with connect(owner) as conn:
        before = (rows(conn, catalog), rows(conn, grants))
    assert init_databases(engine, RETAIL_DB_PASSWORD="another").returncode == 0
    with pytest.raises(Exception, match="password authentication failed"), connect(owner):
        pass
    with connect(owner.replace(engine.environment("postgres")["RETAIL_DB_PASSWORD"], "another")) as conn:
        assert (rows(conn, catalog), rows(conn, grants)) == before
        assert [role for role, _, _ in before[0]] == sorted([*DATABASE_OF, "postgres"])


def test_the_roles_are_those_of_one_machine(engine: Engine) -> None:
    """What the launcher would do to this server has been done by the script: roles, limits, members, databases."""
    passwords = {
        "retail": "RETAIL_DB_PASSWORD",
        INGESTION: "RETAIL_INGESTION_PASSWORD",
        TRANSFORMATION: "RETAIL_TRANSFORMATION_PASSWORD",
        "retail_reader": "RETAIL_READER_PASSWORD",
        "retail_analyst": "RETAIL_ANALYST_PASSWORD",
        "airflow": "AIRFLOW_DB_PASSWORD",
    }
    queries = (
        "select rolname, rolconfig from pg_roles where rolname !~ '^pg_' order by 1",
        "select roleid, member, inherit_option, set_option from pg_auth_members where member > 16383",
        "select datname, datdba, array(select unnest(datacl)::text order by 1) from pg_database order by 1",
    )
    admin = address(engine, "postgres", "POSTGRES_PASSWORD", "postgres")
    for role, variable in passwords.items():
        with connect(address(engine, role, variable, DATABASE_OF[role])) as conn:
            assert rows(conn, "select current_user::text") == [(role,)]
    with connect(admin) as conn:
        before = [rows(conn, query) for query in queries]
    prepare_roles(admin, [Login(role, engine.environment("postgres")[name]) for role, name in passwords.items()])
    with connect(admin) as conn:
        assert [rows(conn, query) for query in queries] == before


def test_roles_have_scram_passwords_that_no_log_holds(engine: Engine) -> None:
    with connect(address(engine, "postgres", "POSTGRES_PASSWORD", "postgres")) as conn:
        methods = "select distinct split_part(rolpassword, '$', 1) from pg_authid where rolcanlogin"
        assert rows(conn, methods) == [("SCRAM-SHA-256",)]
        assert rows(conn, "select distinct auth_method from pg_hba_file_rules") == [("scram-sha-256",)]
    log = (engine.home.logs / "postgres.log").read_text()
    assert "create schema if not exists gold" in log
    environment = engine.environment("postgres")
    assert not [name for name, value in environment.items() if name.endswith("PASSWORD") and value in log]


def test_init_databases_without_a_password_stops_before_it_changes_anything(engine: Engine) -> None:
    done = init_databases(engine, RETAIL_READER_PASSWORD="", RETAIL_DB_PASSWORD="another")
    assert done.returncode != 0
    assert "RETAIL_READER_PASSWORD" in done.stderr
    with connect(address(engine, "retail", "RETAIL_DB_PASSWORD")) as conn:
        assert rows(conn, "select 1") == [(1,)]


def test_the_reader_sees_what_gold_holds_and_changes_nothing(engine: Engine) -> None:
    with connect(address(engine, "retail", "RETAIL_DB_PASSWORD")) as conn:
        with conn, conn.cursor() as cursor:
            cursor.execute("create table gold.later (n int); insert into gold.later values (1)")
            cursor.execute("create schema private; create table private.hidden (n int)")
        prepare_schema(conn)
    with connect(address(engine, "retail_reader", "RETAIL_READER_PASSWORD")) as conn:
        assert rows(conn, "select n from gold.later") == [(1,)]
        with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
            rows(conn, "delete from gold.later returning n")
        conn.rollback()
        conn.set_session(readonly=False)
        for refused in (
            "delete from gold.later returning n",
            "select n from private.hidden",
            "create table gold.mine ()",
            "create temporary table mine ()",
        ):
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                rows(conn, refused)
            conn.rollback()
    with pytest.raises(Exception, match="permission denied for database"):
        with connect(address(engine, "retail_reader", "RETAIL_READER_PASSWORD", "airflow")):
            pass


# ---------------------------------------------------------------- pgAdmin


@pytest.mark.parametrize("password", ["plain", r"with:colon\and backslash"])
def test_pgadmin_starts_with_a_password_file_that_opens_the_preloaded_server(
    engine: Engine, tmp_path: Path, password: str
) -> None:
    assert init_databases(engine, RETAIL_READER_PASSWORD=password).returncode == 0
    environment = engine.environment("pgadmin") | {"PGADMIN_DATA": str(tmp_path), "RETAIL_READER_PASSWORD": password}
    script = str(PROJECT_ROOT / "docker" / "pgadmin-start.sh")
    done = subprocess.run(["sh", script, "env"], env=environment, text=True, capture_output=True, check=True)
    assert "RETAIL_READER_PASSWORD" not in done.stdout
    server = json.loads((PROJECT_ROOT / "docker" / "servers.json").read_text())["Servers"]["1"]
    file = tmp_path / "storage" / "admin_example.com" / server["ConnectionParameters"]["passfile"].lstrip("/")
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text().startswith(f"{server['Host']}:{server['Port']}:*:{server['Username']}:")
    file.write_text(file.read_text().replace("postgres:5432", f"127.0.0.1:{engine.ports['postgres']}"))
    login = {"host": "127.0.0.1", "port": engine.ports["postgres"], "user": server["Username"]}
    conn = psycopg2.connect(dbname=server["MaintenanceDB"], passfile=str(file), **login)
    try:
        assert rows(conn, "select current_user::text") == [("retail_reader",)]
    finally:
        conn.close()


# ---------------------------------------------------------------- health checks


def test_a_health_check_fails_when_the_service_calls_a_component_unhealthy() -> None:
    body = {"metadatabase": {"status": "unhealthy"}, "scheduler": {"status": "healthy"}}
    with answering(json.dumps(body).encode()) as url:
        assert health("http", url).returncode == 0
        assert health("http", url, "scheduler").returncode == 0
        done = health("http", url, "metadatabase")
        assert (done.returncode, done.stdout) == (1, "unwell: metadatabase is unhealthy\n")
    assert health("http", url).returncode == 1


@pytest.mark.parametrize(
    ("age", "state", "host", "code", "says"),
    [
        (5, "running", "here", 0, r"SchedulerJob gave a sign of life (\d+) s ago"),
        (120, "running", "here", 1, r"unwell: SchedulerJob gave its last sign of life (\d+) s ago"),
        (5, "success", "here", 1, "unwell: no SchedulerJob runs on .*"),
        (5, "running", "elsewhere", 1, "unwell: no SchedulerJob runs on .*"),
    ],
)
def test_a_heartbeat_counts_only_when_it_is_fresh_running_and_of_this_host(
    database_url: str, age: int, state: str, host: str, code: int, says: str
) -> None:
    name = os.uname().nodename if host == "here" else host
    with connect(database_url) as conn, conn, conn.cursor() as cursor:
        cursor.execute("create table job (job_type text, hostname text, state text, latest_heartbeat timestamptz)")
        insert = "insert into job values ('SchedulerJob', %s, %s, clock_timestamp() - make_interval(secs => %s))"
        cursor.execute(insert, (name, state, age))
    inserted = time.monotonic()
    done = health("heartbeat", "SchedulerJob", AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=database_url)
    said = re.fullmatch(says, done.stdout.strip())
    assert (done.returncode, said is not None) == (code, True), done.stdout
    if said and said.groups():
        assert age <= int(said[1]) <= age + (time.monotonic() - inserted) + 1


def health(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(PROJECT_ROOT / "docker" / "health.py"), *arguments],
        env={"http_proxy": "http://127.0.0.1:9"} | environment,
        text=True,
        capture_output=True,
        check=False,
    )


# ---------------------------------------------------------------- the platform


@pytest.mark.airflow
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_promised_commands_bring_up_a_platform_that_runs_its_hour(engine: Engine) -> None:
    """One test, not six: the platform takes a minute to come up, and each claim is about the same running whole."""
    engine.services()["api"]["environment"].update(SMALL_DATA_SET)
    engine.up("postgres", "pgadmin", "airflow-init")
    engine.up("airflow-webserver", "airflow-scheduler")
    engine.up("portal")
    started = ["api", "portal", "airflow-webserver", "airflow-scheduler", "airflow-dag-processor"]
    for name in started:
        engine.await_healthy(name)
    assert login(engine, engine.environment("airflow-init")["AIRFLOW_ADMIN_PASSWORD"]) == 201
    assert login(engine, "another") == 401

    with connect(address(engine, "retail_reader", "RETAIL_READER_PASSWORD")) as conn:
        conn.autocommit = True
        _until(lambda: rows(conn, "select to_regclass('gold.mart_sales_by_customer') is not null") == [(True,)], 300)
        finished = "select count(*) from meta.load where dataset = 'sales_product' and status = 'SUCCESS'"
        assert rows(conn, finished) != [(0,)]
        sold = "select (select count(*) from silver.sales_product), (select count(*) from gold.sales_item)"
        ((silver, gold),) = rows(conn, sold)
        assert silver == gold > 0
        owners = "select distinct tableowner::text from pg_tables where schemaname = 'gold'"
        assert rows(conn, owners) == [(TRANSFORMATION,)]
    portal = f"http://127.0.0.1:{engine.ports['portal']}"
    page = httpx.get(f"{portal}/report")
    assert page.status_code == 200, page.text
    assert "Sales report" in page.text
    up = dict(re.findall(r'^retail_up{service="(.*)"} (\d)\.0$', httpx.get(f"{portal}/metrics").text, re.MULTILINE))
    # Superset is in a profile that was not asked for: not started, which is no alarm.
    assert {name for name, value in up.items() if value == "1"} == set(up) - {"pgadmin"}, up
    assert "superset" not in up
    assert "docker compose --profile bi up -d" in httpx.get(portal).text
    assert list((engine.home.path / "bronze").rglob("*.ndjson"))
    assert list((engine.home.path / "logs").rglob("*task_id=dbt_run_core*/*.log"))
    assert list((engine.home.path / "logs" / "dag_processor").rglob("*.log"))
    assert not list(engine.home.airflow.rglob("*.log"))  # the volume of another folder

    passwords = (engine.home.airflow / "passwords.json").read_text()
    again = engine.run("airflow-init")
    assert again.returncode == 0, again.stderr[-3000:]
    assert (engine.home.airflow / "passwords.json").read_text() == passwords
    assert (engine.home.airflow / "passwords.json").stat().st_mode & 0o777 == 0o600

    documented = ["dbt", "docs", "generate"]
    assert engine._call(documented, "airflow-scheduler").returncode == 0

    for name in started:
        assert engine.check(name).returncode == 0
        stop(engine.home, [name], grace_seconds=60)
        # One that had no time to say that it ends is missed once its last sign of life is no longer fresh.
        _until(lambda name=name: engine.check(name).returncode != 0, 90)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_profile_serves_the_dashboards_to_the_users_that_may_see_them(
    compose: Compose, superset_programs: Path, tmp_path: Path
) -> None:
    """`docker compose --profile bi up -d`, twice: the second time nothing is to be changed."""
    with engine_of(compose, tmp_path, programs=superset_programs) as engine:
        environment = engine.environment("superset")
        engine.up("superset")
        engine.await_healthy("superset", 240)
        applied = engine.run("superset-apply")
        assert applied.returncode == 0, applied.stdout + applied.stderr
        url = f"http://127.0.0.1:{engine.ports['superset']}"
        passwords = {user: environment[f"SUPERSET_{user.upper()}_PASSWORD"] for user in read_roles().users}
        seen = {user: dashboards_of(url, user, password) for user, password in passwords.items()}
        declared = {one.slug for one in read_dashboards()}
        assert seen["admin"] == seen["viewer"] == declared
        assert seen["sales"] == {one.slug for one in read_dashboards() if "sales" in one.roles} < declared
        with pytest.raises(DashboardServerError), open_server(url, "admin", "another"):
            pass
        served = Path(f"/proc/{record_of(engine.home, 'superset')}/environ").read_bytes().decode()
        assert not [name for name in environment if name.endswith("_PASSWORD") and f"{name}=" in served]

        stop(engine.home, ["superset"], grace_seconds=60)
        assert engine.check("superset").returncode != 0
        engine.up("superset")
        engine.await_healthy("superset", 240)
        again = engine.run("superset-apply")
        assert again.returncode == 0, again.stdout + again.stderr
        assert "0 changes: Superset shows what is declared" in again.stdout, again.stdout


@pytest.fixture(scope="module")
def superset_programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the image of Superset installs, from the same lock. Skipped, with the reason, where that is impossible."""
    try:
        return prepare_environment(tmp_path_factory.mktemp("superset") / "environment", LOCKS / "superset.txt")
    except ToolUnavailable as error:
        pytest.skip(f"NOT PROVED: that the container's commands serve our dashboards. {error}")


def dashboards_of(url: str, user: str, password: str) -> set[str]:
    """The ends of the addresses of the dashboards that a user of Superset finds."""
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        credentials = {"username": user, "password": password, "provider": "db"}
        answer = client.post("/api/v1/security/login", json=credentials)
        assert answer.status_code == 200, answer.text
        found = client.get(
            "/api/v1/dashboard/", headers={"Authorization": f"Bearer {answer.json()['access_token']}"}
        ).json()
    return {one["slug"] for one in found["result"]}


def record_of(home: Home, name: str) -> int:
    """The process id of a service."""
    return int(json.loads((home.run / f"{name}.json").read_text())["pid"])


def test_the_postgres_health_check_fails_when_nobody_listens(compose: Compose, tmp_path: Path) -> None:
    engine = Engine(compose, Home(tmp_path).prepare())
    assert engine.check("postgres").returncode != 0


def test_the_postgres_health_check_logs_in_or_does_without(engine: Engine) -> None:
    """It runs every few seconds, so a login that fails would fill the log."""
    log = engine.home.logs / "postgres.log"
    before = log.stat().st_size
    assert engine.check("postgres").returncode == 0
    with connect(address(engine, "postgres", "POSTGRES_PASSWORD", "postgres")) as conn:
        assert rows(conn, "select 'after it'") == [("after it",)]
    logged = log.read_bytes()[before:].decode()
    assert "after it" in logged
    assert "FATAL" not in logged


def login(engine: Engine, password: str) -> int:
    """The status of a login to the web UI."""
    url = f"http://127.0.0.1:{engine.ports['airflow-webserver']}/auth/token"
    return httpx.post(url, json={"username": "admin@example.com", "password": password}, timeout=30).status_code


@contextmanager
def answering(body: bytes) -> Iterator[str]:
    """A server that always answers that."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def _as_account(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(command, env=environment, cwd="/", text=True, capture_output=True, check=False, **ACCOUNT)
    assert done.returncode == 0, done.stderr


def _until(condition: Any, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "this took too long"
        time.sleep(0.5)
