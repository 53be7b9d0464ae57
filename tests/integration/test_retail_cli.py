"""The command line on real services: what it brings, what it says, how it ends, and that it leaves nothing running."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from psycopg2.extensions import connection

from medallion.process.steps import CORE, FILE_LOADS, LOADS, MARTS, MEMBERSHIP, NIGHTLY_MARTS
from tests.conftest import KEY, Source
from tests.ports import free_port
from tests.postgres_server import PASSWORD
from tests.process_table import eventually, living
from tests.queries import rows
from tests.retail_cli import Ended, Retail, retail

LAYERS = {
    "silver": {name.removeprefix("silver.") for step in LOADS for name in step.writes},
    "gold": {name.removeprefix("gold.") for name in (*CORE, *MARTS, *NIGHTLY_MARTS)},
}
# What people hand over: no file has come, so that Silver has empty tables, and Gold none.
BY_FILE = {
    "silver": {name.removeprefix("silver.") for step in FILE_LOADS for name in step.writes},
    "gold": {name.removeprefix("gold.") for name in MEMBERSHIP},
}
SERVICES = ["postgres", "source-api", "portal", "airflow-api-server", "airflow-scheduler", "airflow-dag-processor"]
UP = {*SERVICES[1:], "warehouse"} - {"portal"}


@pytest.fixture(scope="module")
def cli() -> Iterator[Retail]:
    """One RETAIL_HOME for the tests of this file: between them nothing runs, and the data stays."""
    with retail() as command:
        yield command


@pytest.fixture(autouse=True)
def nothing_runs_before_or_after(cli: Retail) -> Iterator[None]:
    assert cli.processes() == []
    yield
    assert cli.processes() == []


@pytest.fixture(scope="module")
def first_run(cli: Retail) -> Any:
    """What the first run of all reported."""
    return cli("run", "--json").json()


def assert_three_lines(ended: Ended, what: str) -> None:
    """The error's shape: what happened, why, what to do about it; no traceback."""
    lines = ended.err.splitlines()
    told = lines[next(n for n, line in enumerate(lines) if line.startswith("error: ")) :]
    assert what in told[0]
    assert [line[:7] for line in told] == ["error: ", "  why: ", "   do: "], ended.err
    assert all(line[7:].strip() for line in told), ended.err
    assert "Traceback" not in ended.err


def assert_the_report_is_named(cli: Retail, run: Ended) -> None:
    """A good run ends with what to look at, and with the file of its report."""
    page = cli.home.path / "report" / "index.html"
    assert run.code == 0
    assert "./retail up" in run.out.splitlines()[-2]
    assert run.out.splitlines()[-1] == f"report: {page}"
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert cli("report").out == f"{page}\n"
    assert stat.S_IMODE(page.stat().st_mode) == 0o600


def up_by_the_portal(address: str) -> dict[str, str]:
    """Which services the start page calls up (1)."""
    text = httpx.get(f"{address}/metrics", timeout=30).text
    return dict(re.findall(r'^retail_up{service="(.*)"} (\d)\.0$', text, re.MULTILINE))


def assert_start_page_is_served(cli: Retail, address: str) -> None:
    """Everything is up, and no secret is in a page."""
    assert eventually(lambda: up_by_the_portal(address) == dict.fromkeys(UP, "1"), 60), up_by_the_portal(address)
    pages = {path: httpx.get(address + path, timeout=30).text for path in ("/", "/airflow", "/report", "/metrics")}
    assert f"http://127.0.0.1:{cli.port('AIRFLOW_PORT')}/" in pages["/"]
    secrets = json.loads((cli.home.path / "secrets.json").read_text())
    assert [(path, name) for path, text in pages.items() for name, word in secrets.items() if word in text] == []


def assert_report_is_served(cli: Retail, portal: str) -> None:
    """The page of the warehouse as it is, to this machine's own names alone, and by a process without our secrets."""
    address = f"{portal}/report"
    # The scheduler may have begun an hour, whose rows are not checked yet.
    assert eventually(lambda: re.search(r"class=.verdict good", httpx.get(address).text), 120), httpx.get(address).text
    served = httpx.get(address)
    assert served.text == (cli.home.path / "report" / "index.html").read_text(encoding="utf-8")
    assert httpx.get(address, headers={"Host": "example.org"}).status_code == 400
    server = psutil.Process(json.loads((cli.home.run / "portal.json").read_text())["pid"])
    secrets = json.loads((cli.home.path / "secrets.json").read_text())
    assert {name for name, word in secrets.items() if word in str(server.environ())} == {"postgres_reader"}


# ---------------------------------------------------------------- the owner's login


@dataclass
class Seen:
    """Command lines that were seen at work, and those in whose environment or arguments the word was."""

    all: set[str] = field(default_factory=set)
    with_word: set[str] = field(default_factory=set)


@contextmanager
def looking_for(word: str, cli: Retail) -> Iterator[Seen]:
    """Look at every process of this RETAIL_HOME, again and again."""
    seen, ended = Seen(), threading.Event()

    def look() -> None:
        while not ended.wait(0.1):
            for process in living(str(cli.home.path)):
                with suppress(psutil.Error, OSError):
                    line = " ".join(process.cmdline())
                    seen.all.add(line)
                    if word in line or any(word in value for value in process.environ().values()):
                        seen.with_word.add(line)

    watch = threading.Thread(target=look)
    watch.start()
    try:
        yield seen
    finally:
        ended.set()
        watch.join()


def owners_password(cli: Retail) -> str:
    return str(json.loads((cli.home.path / "secrets.json").read_text())["postgres_retail"])


@pytest.fixture(scope="module")
def second_run(cli: Retail, first_run: Any) -> tuple[Any, Seen]:
    """What the run after the first reported, and the processes that were seen meanwhile."""
    with looking_for(owners_password(cli), cli) as seen:
        return cli("run", "--json").json(), seen


@pytest.mark.airflow
@pytest.mark.timeout(400)
def test_the_owners_login_is_in_no_process_of_a_run(second_run: tuple[Any, Seen]) -> None:
    _, seen = second_run
    assert any("dags test" in line for line in seen.all), seen.all
    assert seen.with_word == set()


@pytest.mark.airflow
def test_nothing_that_a_run_leaves_is_open_to_other_accounts(cli: Retail, first_run: Any) -> None:
    """Programs apart, which a copy for Postgres' account holds, in a folder that is closed itself."""
    found = {one: one.lstat().st_mode for one in cli.home.path.rglob("*") if "/installation-" not in str(one)}
    assert {"dbt.log", "partial_parse.msgpack", "airflow.cfg", "run.log"} <= {one.name for one in found}
    assert [one for one, mode in found.items() if not stat.S_ISLNK(mode) and mode & 0o077] == []
    assert stat.S_IMODE(cli.home.path.stat().st_mode) == (0o711 if os.geteuid() == 0 else 0o700)


# ---------------------------------------------------------------- run


@pytest.mark.airflow
def test_a_first_run_fills_every_layer(first_run: Any) -> None:
    assert {task["state"] for task in first_run["tasks"]} == {"success"}
    report = first_run["report"]
    counts = report["rows"]
    assert {layer: set(tables) for layer, tables in counts.items()} == {
        layer: names | BY_FILE.get(layer, set()) for layer, names in LAYERS.items()
    }
    assert min(counts[layer][name] for layer, names in LAYERS.items() for name in names) > 0
    assert {counts["silver"][name] for name in BY_FILE["silver"]} == {0}
    assert {counts["gold"][name] for name in BY_FILE["gold"]} == {None}
    assert report["rows"]["gold"]["sales_item"] == report["rows"]["silver"]["sales_product"]
    assert report["new"]["bronze"] == {one["dataset"]: one["records"] for one in report["bronze"]}
    assert (report["rejected"], report["failures"]) == (0, [])


@pytest.mark.airflow
def test_a_second_run_brings_only_what_was_sold_since(first_run: Any, second_run: tuple[Any, Seen]) -> None:
    second, _ = second_run
    assert second["run_id"] != first_run["run_id"]
    assert sum(second["report"]["new"]["bronze"].values()) < 60  # a few hours at five sales each
    for layer, tables in first_run["report"]["rows"].items():
        for table, before in tables.items():
            after = second["report"]["rows"][layer][table]
            assert (after is None) == (before is None) == (layer == "gold" and table in BY_FILE["gold"])
            assert 0 <= (after or 0) - (before or 0) < 60


@pytest.mark.slow
@pytest.mark.airflow
def test_a_plan_names_what_the_next_run_brings(cli: Retail, first_run: Any) -> None:
    plan = cli("plan", "--json").json()
    assert (plan["bronze_files"], plan["gold"], plan["gap_ids"]) == ({}, [], 0)
    ahead = {one["entity"]: one["records"] for one in plan["pull"]}
    report = cli("run", "--json").json()["report"]
    assert ahead.keys() == {one["entity"] for one in report["watermarks"]}
    assert ahead["sales"] <= report["new"]["bronze"].get("sales_customer", 0) < ahead["sales"] + 10


@pytest.mark.slow
def test_an_empty_warehouse_plans_to_pull_from_the_beginning() -> None:
    with retail() as fresh:
        said = fresh("plan").out
        assert "from the beginning" in said
        sales = next(one for one in fresh("plan", "--json").json()["pull"] if one["entity"] == "sales")
        assert sales["records"] > 100
        assert fresh.processes() == []


@pytest.mark.slow
@pytest.mark.airflow
def test_a_difference_is_gone_after_the_commands_that_reconcile_prints(cli: Retail, first_run: Any) -> None:
    assert cli("reconcile").code == 0
    changed = "update silver.sales_product set unit_price = unit_price + 5000 where (sale_id, line_no) = (3, 1)"
    assert cli("psql", "-c", changed).code == 0
    found = cli("reconcile", "--all")
    assert found.code == 6
    assert "sales with other lines or amounts: 3" in found.err
    assert "./retail reconcile --repair 3 " in found.err
    assert "sales 3 pulled again" in cli("reconcile", "--repair", "3").out
    assert_the_report_is_named(cli, cli("run"))
    assert "all layers agree" in cli("reconcile", "--all").out
    assert cli("reconcile", "--repair", str(10**12)).code == 3


@pytest.mark.airflow
def test_a_run_that_is_told_to_stop_leaves_no_process_and_the_next_carries_on(cli: Retail, first_run: Any) -> None:
    with cli.start("run") as running:
        running.says("Source API")
        assert eventually((cli.home.run / "run.json").exists)
        with cli.home.try_locked("scheduling") as free:
            assert not free
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(60) == 128 + signal.SIGTERM
        assert "stopped by SIGTERM" in running.said()
    assert cli.processes() == []


def test_a_second_run_at_once_is_refused_with_the_process_of_the_first(cli: Retail) -> None:
    cli.home.prepare()
    with cli.home.try_locked("run"):
        refused = cli("run")
    assert refused.code == 1
    assert_three_lines(refused, f"another ./retail run is under way (process {os.getpid()})")


@pytest.mark.airflow
def test_the_logs_of_a_run_are_listed_and_its_end_can_be_read(cli: Retail, first_run: Any) -> None:
    names = [line.split()[0] for line in cli("logs").out.splitlines()[1:]]
    assert {"postgres", "source-api", "run"} <= set(names)
    assert "database system is shut down" in cli("logs", "postgres", "--lines", "3").out


# ---------------------------------------------------------------- a warehouse and a source of the user's


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Retail]:
    """A RETAIL_HOME whose warehouse is not ours."""
    with retail() as command:
        yield command


@pytest.mark.airflow
@pytest.mark.slow
def test_a_run_with_a_warehouse_of_the_users_starts_no_postgres_and_keeps_airflow_in_sqlite(
    elsewhere: Retail, database_url: str, conn: connection, tmp_path: Path
) -> None:
    file = tmp_path / "warehouse"
    file.write_text(database_url + "\n")
    run = elsewhere("run", "--json", DATABASE_URL_FILE=str(file))
    found = run.json()
    assert PASSWORD in database_url
    assert PASSWORD not in run.out + run.err
    assert files_that_hold(elsewhere.home.path, PASSWORD) == []
    assert rows(conn, "select count(*) from gold.sales_item") == [(found["report"]["rows"]["gold"]["sales_item"],)]
    assert not (elsewhere.home.path / "postgres").exists()
    with closing(sqlite3.connect(elsewhere.home.airflow / "airflow.db")) as metadata:
        assert metadata.execute("select state from dag_run").fetchall() == [("success",)]
        # What a run wants for itself is not kept for the scheduler that comes after it.
        assert metadata.execute("select distinct max_tries from task_instance").fetchall() == [(2,)]
    told = elsewhere("status", "--json", DATABASE_URL=database_url).json()
    assert (told["services"][0]["name"], told["services"][0]["state"]) == ("postgres", "external")
    assert told["last_run"]["run_id"] == found["run_id"]
    assert elsewhere.processes() == []


def files_that_hold(folder: Path, secret: str) -> list[Path]:
    """Logs, Airflow's metadata with rendered fields and XComs, dbt's artifacts, Bronze: everything a run has left."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert len(files) > 20
    return [file for file in files if secret.encode() in file.read_bytes()]


@pytest.mark.slow
@pytest.mark.airflow
def test_a_wrong_key_ends_with_the_exit_code_of_the_source_and_shows_no_key(
    elsewhere: Retail, database_url: str, source: Source
) -> None:
    wrong = "canary-of-the-wrong-key"
    refused = elsewhere("run", DATABASE_URL=database_url, SOURCE_API_URL=source.url, SOURCE_API_KEY=wrong)
    assert refused.code == 4, refused.err
    lines = refused.err.splitlines()[-3:]
    assert lines[0].startswith("error: bronze_")
    assert "status 401" in lines[1]
    assert lines[2] == "   do: set SOURCE_API_KEY"
    words = {"output": refused.out + refused.err} | elsewhere.logs()
    assert len(words) > 1
    assert [name for name, text in words.items() if wrong in text or KEY in text or PASSWORD in text] == []
    assert elsewhere.processes() == []


def test_a_warehouse_that_cannot_be_reached_ends_with_the_exit_code_of_the_database(cli: Retail) -> None:
    unreachable = f"postgresql://retail:canary@127.0.0.1:{free_port()}/retail"
    failed = cli("run", DATABASE_URL=unreachable)
    assert failed.code == 5
    assert_three_lines(failed, "cannot connect to the warehouse")
    assert "canary" not in failed.err
    assert [name for name, text in cli.logs().items() if "canary" in text] == []


@pytest.mark.parametrize(
    ("variable", "value"),
    [("API_PORT", "many"), ("DATABASE_URL", "mysql://u:canary@localhost/x"), ("POSTGRES_BIN", "/nowhere")],
)
def test_a_setting_that_cannot_be_ends_with_the_exit_code_of_the_configuration(
    cli: Retail, variable: str, value: str
) -> None:
    failed = cli("run", **{variable: value})
    assert failed.code == 3
    assert failed.err.splitlines()[0].startswith("error: ")
    assert variable in failed.err
    assert "canary" not in failed.err


# ---------------------------------------------------------------- asking


def test_the_status_while_nothing_runs_says_so_and_starts_nothing(cli: Retail) -> None:
    told = cli("status", "--json").json()
    assert set(told) == {"home", "services", "login", "last_run", "report", "note", "incidents", "read_at"}
    assert [(one["name"], one["state"], one["pid"], one["address"]) for one in told["services"]] == [
        (name, "stopped", None, None) for name in SERVICES
    ]
    assert "./retail up" in told["note"]
    assert cli("status").out.startswith("nothing is running\n")


@pytest.mark.slow
@pytest.mark.airflow
def test_the_status_after_a_run_shows_that_run_and_its_report(cli: Retail, first_run: Any) -> None:
    run = cli("run", "--json").json()
    told = cli("status", "--json").json()
    assert told["report"] == run["report"]
    assert (told["last_run"]["run_id"], told["last_run"]["state"]) == (run["run_id"], "success")
    assert told["services"][0]["state"] == "stopped"
    said = cli("status").out
    assert "the warehouse is stopped; this is what it held" in said
    assert "the next pull starts: customers after 20" in said
    assert cli.processes() == []


@pytest.mark.slow
def test_the_doctor_names_every_part_and_fails_when_one_does(cli: Retail) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        ended = cli("doctor", "--json", DOCS_PORT=str(other.getsockname()[1]))
    findings = json.loads(ended.out)
    assert all(set(finding) == {"name", "state", "found", "remedy"} for finding in findings)
    assert {finding["name"] for finding in findings} >= {"python", "packages", "disk", "warehouse", "dbt project"}
    assert [finding["name"] for finding in findings if finding["state"] == "fail"] == ["docs_port"], ended.out
    assert all(finding["remedy"] for finding in findings if finding["state"] != "ok")
    assert ended.code == 1


@pytest.mark.slow
def test_psql_answers_as_each_person_and_hands_on_its_exit_code(cli: Retail, first_run: Any) -> None:
    answered = cli("psql", "-XAtc", "select current_user || ' on ' || current_database()")
    assert (answered.code, answered.out) == (0, "retail on retail\n")
    assert cli("psql", "-Xc", "select from nowhere").code == 1
    for role in ("reader", "analyst"):
        asked = cli("psql", "--as", role, "-XAtc", "select current_user, count(*) > 0 from dwh_fact_sales, sales")
        assert (asked.code, asked.out) == (0, f"retail_{role}|t\n")
    assert cli("psql", "-XAtc", "select count(*) > 0 from stg_dim_products, etl_logs").out == "t\n"
    elsewhere = cli("psql", "--as", "analyst", DATABASE_URL="postgresql://me@127.0.0.1:1/mine")
    assert (elsewhere.code, "the password of retail_analyst" in elsewhere.err) == (3, True)


def test_down_while_nothing_runs_is_no_error(cli: Retail) -> None:
    assert cli("down", "--json").json() == {"commands": [], "services": []}


# ---------------------------------------------------------------- up and down


@pytest.mark.slow
@pytest.mark.airflow
@pytest.mark.timeout(600)
def test_up_serves_the_web_ui_and_a_run_goes_through_its_scheduler_until_down(cli: Retail, first_run: Any) -> None:
    with cli.start("up") as platform:
        platform.says("shows what is starting")
        starting = up_by_the_portal(re.findall(r"(http\S+) shows what is starting", platform.said())[0])
        assert (starting["warehouse"], starting["airflow-scheduler"]) == ("1", "0")
        platform.says("ready. Ctrl-C")
        health = httpx.get(f"http://127.0.0.1:{cli.port('AIRFLOW_PORT')}/api/v2/monitor/health", timeout=60).json()
        assert health["metadatabase"]["status"] == health["scheduler"]["status"] == "healthy"
        told = cli("status", "--json").json()
        assert [(one["name"], one["state"]) for one in told["services"]] == [(name, "running") for name in SERVICES]
        assert told["report"]["rows"]["gold"]["sales_item"] >= first_run["report"]["rows"]["gold"]["sales_item"]

        (address,) = (one["address"] for one in told["services"] if one["name"] == "portal")
        assert f"Start page   {address}\n" in platform.said()
        assert_start_page_is_served(cli, address)
        assert_report_is_served(cli, address)

        assert_three_lines(cli("up"), f"the platform is up already (process {platform.process.pid})")

        before = (cli.home.logs / "run.log").stat().st_size
        with looking_for(owners_password(cli), cli) as seen:
            triggered = cli("run", "--json").json()
        assert {task["state"] for task in triggered["tasks"]} <= {"success", "skipped"}
        log = (cli.home.logs / "run.log").read_bytes()[before:].decode()
        assert "[DAG TEST]" not in log

        stopped = cli("down", "--json").json()
        assert stopped["commands"] == ["up"]
        assert platform.process.wait(30) == 128 + signal.SIGTERM
    assert cli.processes() == []
    assert any("airflow" in line and "scheduler" in line for line in seen.all), seen.all
    assert seen.with_word == set(), "the owner's login is in a process"
    secrets = json.loads((cli.home.path / "secrets.json").read_text())
    assert [(file, name) for file, text in cli.logs().items() for name, word in secrets.items() if word in text] == []


@pytest.mark.slow
@pytest.mark.airflow
@pytest.mark.parametrize("moment", ["Source API", "ready. Ctrl-C"])
def test_ctrl_c_ends_the_platform_whole(cli: Retail, first_run: Any, moment: str) -> None:
    with cli.start("up") as platform:
        platform.says(moment)
        assert platform.press_ctrl_c() == 128 + signal.SIGINT
        assert "stopped by SIGINT" in platform.said()
    assert cli.processes() == []
    assert not (cli.home.path / "connection.env").exists()


@pytest.mark.airflow
def test_up_starts_no_scheduler_while_a_run_executes_its_own_tasks(cli: Retail, first_run: Any) -> None:
    """The scheduler would execute them a second time."""
    with cli.home.try_locked("run"), cli.home.locked("scheduling"), cli.start("up") as platform:
        platform.says(f"waiting for ./retail run (process {os.getpid()}) to end")
        assert platform.press_ctrl_c() == 128 + signal.SIGINT
    assert "✓ Airflow " not in platform.said()
    assert cli.processes() == []


@pytest.mark.slow
@pytest.mark.airflow
def test_down_ends_what_a_killed_platform_left_behind(cli: Retail, first_run: Any) -> None:
    with cli.start("up") as platform:
        platform.says("ready. Ctrl-C")
        family = psutil.Process(platform.process.pid).children(recursive=True)
        platform.process.kill()
        platform.process.wait()
        assert len(cli.processes()) >= len(SERVICES)
        assert set(cli("down", "--json").json()["services"]) == set(SERVICES)
    assert cli.processes() == []
    assert [process for process in family if process.is_running() and process.status() != psutil.STATUS_ZOMBIE] == []


@pytest.mark.airflow
@pytest.mark.slow
def test_a_scheduler_that_was_killed_brings_the_platform_down_whole_and_is_named(cli: Retail, first_run: Any) -> None:
    with cli.start("up") as platform:
        platform.says("ready. Ctrl-C")
        psutil.Process(json.loads((cli.home.run / "airflow-scheduler.json").read_text())["pid"]).kill()
        assert platform.process.wait(60) == 1
        assert "error: airflow-scheduler was ended by SIGKILL" in platform.said()
    assert cli.processes() == []


# ---------------------------------------------------------------- docs


@pytest.mark.slow
@pytest.mark.airflow
def test_docs_serve_the_documentation_of_the_models_until_ctrl_c(cli: Retail, first_run: Any) -> None:
    site = f"http://127.0.0.1:{cli.port('DOCS_PORT')}"
    with cli.start("docs") as docs:
        docs.says(f"dbt docs: {site}")
        assert "dbt" in httpx.get(f"{site}/index.html").text
        nodes = httpx.get(f"{site}/manifest.json").json()["nodes"]
        assert {node["name"] for node in nodes.values()} >= LAYERS["gold"]
        assert docs.press_ctrl_c() == 128 + signal.SIGINT
    assert cli.processes() == []
