"""The start page over HTTP, on a real warehouse: what it shows, what it costs, and what happens when something dies."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx
import pytest
from psycopg2.extensions import connection

from medallion.database import transaction
from medallion.settings import Settings
from portal.app import make_app
from portal.standing import Reader, Standing, read_revenue, read_standing
from quality.reconcile import reconcile_sales
from report.pipeline import read_pipeline
from report.sales import read_sales
from report.trust import judge, verdict_of
from report.words import day_in_words
from stack.host.home import Home
from stack.services.processes import Service, await_ready, ended, start, stop
from tests.conftest import NOON, Source, _administer, serving
from tests.integration.test_gold_rebuild import execute, sell
from tests.pipeline import build_untested, hour
from tests.ports import free_port
from tests.postgres_server import PostgresServer
from tests.process_table import eventually, kill_all
from tests.queries import rows
from tests.unit.portal.test_metrics import parsed


@pytest.fixture
def gold(conn: connection, settings: Settings, source: Source) -> connection:
    """Four days and a half of sales, in Gold and checked."""
    hour(conn, settings)
    build_untested(conn, settings)
    reconcile_sales(conn, settings, run_id="hour")
    return conn


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    yield Home(tmp_path / "home").prepare()
    kill_all(str(tmp_path))


@dataclass
class Tap:
    """A server in front of Postgres that notes every connection and every statement that a client sends."""

    target: tuple[str, int]
    port: int = 0
    statements: list[str] = field(default_factory=list)
    connections: int = 0

    def run(self, listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listening.accept()
                self.connections += 1
                server = socket.create_connection(self.target)
                threading.Thread(target=self._to_server, args=(client, server), daemon=True).start()
                threading.Thread(target=_pump, args=(server, client), daemon=True).start()

    def _to_server(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while True:  # the first messages have no type: requests for encryption, then the start
                size = client.recv(4, socket.MSG_WAITALL)
                body = client.recv(int.from_bytes(size, "big") - 4, socket.MSG_WAITALL)
                server.sendall(size + body)
                if body[:2] == b"\x00\x03":
                    break
            while kind := client.recv(1, socket.MSG_WAITALL):
                size = client.recv(4, socket.MSG_WAITALL)
                body = client.recv(int.from_bytes(size, "big") - 4, socket.MSG_WAITALL)
                if kind in b"QP":
                    self.statements.append(body.split(b"\x00")[0].decode())
                server.sendall(kind + size + body)
        server.close()

    def reading(self) -> list[str]:
        """The statements that read: not those that begin and end a transaction."""
        words = ("BEGIN", "COMMIT", "ROLLBACK")
        return [one for one in self.statements if not one.upper().startswith(words)]


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    target.close()


@contextmanager
def tapped(database_url: str) -> Iterator[tuple[Tap, str]]:
    """A tap, and the address of the database through it."""
    parts = urlsplit(database_url)
    tap = Tap((parts.hostname or "", parts.port or 5432))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        threading.Thread(target=tap.run, args=(listening,), daemon=True).start()
        login = parts.netloc.rpartition("@")[0]
        yield tap, urlunsplit(parts._replace(netloc=f"{login}@127.0.0.1:{port}", query="sslmode=disable"))


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: Home) -> Callable[[str], serving]:
    """Serves the start page of a warehouse and of the services of `home`."""

    def of(database_url: str, now: Callable[[], datetime] = lambda: NOON) -> serving:
        monkeypatch.setenv("PORTAL_DATABASE_URL", database_url)
        monkeypatch.setenv("PORTAL_FOLDER", str(tmp_path / "report"))
        monkeypatch.setenv("PORTAL_HOME", str(home.path))
        monkeypatch.delenv("PORTAL_HOSTS", raising=False)
        return serving(make_app(now))

    return of


# ---------------------------------------------------------------- where the data stands


def standing_of(conn: connection) -> Standing:
    with conn:
        return read_standing(conn, NOON)


def test_the_standing_is_what_the_warehouse_holds(gold: connection) -> None:
    found = standing_of(gold)
    assert [(found.newest_sale_at,)] == rows(gold, "select max(sold_at) from silver.sales_customer")
    assert [(found.pulled_at,)] == rows(gold, "select max(ended_at) from meta.load where dataset = 'sales'")
    assert found.last_run is not None
    assert (found.last_run.is_running, found.last_run.has_failed) == (False, False)
    assert found.last_run == found.last_ended_run
    assert (found.open_incidents, found.open_records, found.differences) == (0, 0, None)
    assert set(found.watermarks or {}) == {"customers", "products", "stores", "sales"}
    held = {(one.layer, one.name): one.records for one in found.holdings or ()}
    for layer, table in (("silver", "sales_customer"), ("gold", "sales_item")):
        assert rows(gold, f"select count(*) from {layer}.{table}") == [(held[layer, table],)]
    assert rows(gold, "select sum(records)::int from meta.bronze_file where dataset = 'stores'") == [
        (held["bronze", "stores"],)
    ]


TROUBLE = {
    "none": "select 1",
    "an incident": """insert into meta.incident (entity, dag_id, task_id, run_id, cause, remedy)
        values ('sales', 'retail_etl_hourly', 'bronze_sales', 'r', 'the source is down', 'wait')""",
    "a difference": "update meta.reconciliation set status = 'DIFFERENT', difference = 'one less', is_settled = false",
    "no totals": "update meta.reconciliation set status = 'UNCHECKED', difference = 'none given'",
    "an old check": """update meta.load set ended_at = '2026-11-03T00:00:00Z';
        update meta.reconciliation set checked_at = '2026-11-04T00:00:00Z'""",
    "no check": "truncate meta.reconciliation",
    "rows since": "update meta.load set ended_at = now() + interval '1 day' where layer = 'silver'",
    "a failed run": """update meta.load set status = 'FAILED', error_message = 'x', rows_inserted = 0
        where layer = 'bronze' and dataset = 'stores'""",
    "gold behind": "update meta.reconciliation set gold_count = silver_count - 3 where gold_count is not null",
}


def test_the_verdict_is_that_of_the_report_whatever_is_wrong(gold: connection) -> None:
    execute(gold, "update meta.reconciliation set checked_at = '2026-11-06T11:00:00Z'")
    execute(gold, "update meta.load set ended_at = '2026-11-06T10:00:00Z' where ended_at is not null")
    found = {}
    for trouble, statement in TROUBLE.items():
        with gold.cursor() as cursor:
            cursor.execute(statement)
        expected = judge(read_pipeline(gold, NOON), NOON)
        assert verdict_of(read_standing(gold, NOON).facts(), NOON) == expected, trouble
        found[trouble] = expected.words
        gold.rollback()
    assert found["none"] == "source = Bronze = Silver = Gold"
    assert len(set(found.values())) == len(TROUBLE), found


def test_the_revenue_is_that_of_the_report(gold: connection, settings: Settings) -> None:
    for number, day in enumerate(("2026-10-29", "2025-01-01"), 20_000_000):
        sell(gold, settings, number, customer_id=1, sold_at=f"{day}T10:00:00Z")
    sell(gold, settings, 20_000_009, customer_id=1, sold_at="2099-01-01T00:00:00Z")
    build_untested(gold, settings)
    with transaction(gold):
        sales, found = read_sales(gold, NOON), read_revenue(gold, NOON)
    assert sales is not None
    assert found is not None
    before = sales.of_day(sales.last_day.replace(day=29, month=10)).net_amount
    assert found.words() == day_in_words(sales.last_day, sales.of_day(sales.last_day).net_amount, before, "EUR")
    assert "more than the Thursday before" in found.words()


def test_a_first_day_has_nothing_to_compare_with(conn: connection, settings: Settings) -> None:
    sell(conn, settings, 1, customer_id=1, sold_at="2026-11-06T10:00:00Z")
    build_untested(conn, settings)
    with transaction(conn):
        found = read_revenue(conn, NOON)
    assert found is not None
    assert found.words() == "Friday brought €10."


def test_a_warehouse_without_gold_or_tables_is_no_error(
    conn: connection, database_url: str, beside: connection, postgres_server: PostgresServer
) -> None:
    assert conn.closed == 0
    empty = Reader(database_url, lambda: NOON).read()
    assert (empty.problem, empty.answers) == ("", True)
    assert empty.standing is not None
    assert (empty.standing.last_run, empty.standing.newest_sale_at) == (None, None)
    bare = Reader(postgres_server.url(beside.info.dbname), lambda: NOON).read()
    assert (bare.answers, "no tables of this version yet" in bare.problem) == (True, True)


# ---------------------------------------------------------------- the page


def test_fifty_readers_at_once_cost_one_statement_a_second(
    gold: connection, database_url: str, serve: Callable[[str], serving]
) -> None:
    assert gold.closed == 0
    with tapped(database_url) as (tap, url), serve(url) as page, ThreadPoolExecutor(50) as pool:
        began = time.monotonic()
        with httpx.Client(base_url=page, trust_env=False, timeout=30) as client:
            while time.monotonic() - began < 3 or len(tap.reading()) < 2:
                answers = list(pool.map(client.get, ["/", "/metrics"] * 25))
                assert {one.status_code for one in answers} == {200}
        seconds = time.monotonic() - began
    assert len(tap.reading()) <= seconds + 1, (seconds, tap.statements)
    assert tap.connections == len(tap.reading())
    assert all("jsonb_build_object" in one or "gold.mart_sales_by_hour" in one for one in tap.reading())


def test_the_page_shows_the_data_and_leads_to_the_report(
    gold: connection, database_url: str, serve: Callable[[str], serving]
) -> None:
    assert gold.closed == 0
    with serve(database_url) as url, httpx.Client(base_url=url, trust_env=False) as client:
        first = client.get("/")
        assert "brought €" not in first.text  # one statement at a time: the revenue comes with the next look
        assert eventually(lambda: "Thursday brought €" in client.get("/").text)
        assert "Source = Bronze = Silver = Gold." in first.text
        assert 'href="/report"' in first.text
        assert "Sales report" in client.get("/report").text
        figures = parsed(client.get("/metrics").text)
    assert first.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert figures['retail_up{service="warehouse"}'] == 1
    assert rows(gold, "select count(*) from gold.sales_item") == [
        (figures['retail_rows{layer="gold",table="sales_item"}'],)
    ]


def test_a_warehouse_that_stops_leaves_the_page_with_what_it_held_and_comes_back(
    gold: connection, postgres_server: PostgresServer, database_url: str, serve: Callable[[str], serving]
) -> None:
    """The warehouse refuses logins, and takes them again."""
    with serve(database_url) as url, httpx.Client(base_url=url, trust_env=False) as client:
        assert "Newest sale" in client.get("/").text
        _administer(postgres_server, "alter database {} allow_connections false", gold.info.dbname)
        assert eventually(lambda: "cannot connect to the warehouse" in client.get("/").text)
        page = client.get("/")
        assert (page.status_code, "This is what it held when it was last read" in page.text) == (200, True)
        assert "Newest sale" in page.text
        refused = client.get("/report")
        assert (refused.status_code, refused.text.startswith("error: ")) == (503, True)
        figures = parsed(client.get("/metrics").text)
        assert figures['retail_up{service="warehouse"}'] == 0
        assert not [name for name in figures if name.startswith(("retail_rows", "retail_last_run"))]
        _administer(postgres_server, "alter database {} allow_connections true", gold.info.dbname)
        assert eventually(lambda: "cannot connect" not in client.get("/").text)
        assert client.get("/report").status_code == 200


def test_a_page_is_refused_under_the_name_of_another_host(
    monkeypatch: pytest.MonkeyPatch, serve: Callable[[str], serving]
) -> None:
    with serve("postgresql://reader:canary@127.0.0.1:1/retail") as url:
        for path in ("/", "/report", "/metrics", "/livez", "/airflow"):
            for host in ("shop.example.org", "127.0.0.1.example.org", "portal"):
                assert httpx.get(url + path, headers={"Host": host}, trust_env=False).status_code == 400, (path, host)
            assert httpx.get(url + path, headers={"Host": "localhost:1"}, trust_env=False).status_code != 400
    monkeypatch.setenv("PORTAL_HOSTS", "portal")
    with serving(make_app(lambda: NOON)) as url:
        assert httpx.get(url + "/metrics", headers={"Host": "portal:8000"}, trust_env=False).status_code == 200


def test_no_credential_is_in_any_answer(home: Home, serve: Callable[[str], serving]) -> None:
    """Each secret of the platform in the log of a service that has died, and the reader's in an address that fails."""
    secrets = {name: home.secret(name) for name in ("postgres_reader", "airflow_admin_password", "source_api_key")}
    for name in ("superset", "docs", "source-api"):
        ended(home, name, 1)
        words = [f"error: {name} {secret} postgresql://me:{secret}@host/db" for secret in secrets.values()]
        (home.logs / f"{name}.log").write_text("\n".join(words))
    with serve(f"postgresql://reader:{secrets['postgres_reader']}@127.0.0.1:1/retail") as url:
        pages = [httpx.get(url + path, trust_env=False).text for path in ("/", "/airflow", "/report", "/metrics")]
    assert "Its log says: error: docs *** postgresql://me:***@host/db" in pages[0]
    assert [name for name, secret in secrets.items() for page in pages if secret in page] == []


def test_only_airflow_may_show_the_page_in_a_frame(home: Home, serve: Callable[[str], serving]) -> None:
    home.remember("ports", {"airflow_port": 8123})
    with serve("postgresql://reader:canary@127.0.0.1:1/retail") as url:
        policies = {
            path: httpx.get(url + path, trust_env=False).headers["Content-Security-Policy"].split("frame-ancestors ")[1]
            for path in ("/", "/airflow", "/report")
        }
    airflow = "http://127.0.0.1:8123 http://localhost:8123"
    assert policies == {"/": "'none'", "/airflow": airflow, "/report": airflow}


def test_a_service_that_dies_is_shown_down_with_its_reason(home: Home, serve: Callable[[str], serving]) -> None:
    """The server of dbt's documentation, as `./retail docs` starts it."""
    site, port = home.path / "site", free_port()
    site.mkdir()
    (site / "index.html").write_text("dbt")
    home.remember("ports", {"docs_port": port})
    command = (sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(site))
    service = Service("docs", command, dict(os.environ), ready_url=f"http://127.0.0.1:{port}/index.html")

    def state(client: httpx.Client) -> str:
        text = client.get("/").text
        item = text[text.index('id="service-docs"') : text.index('id="service-pgadmin"')]
        return " ".join(item.split())

    with serve("postgresql://reader:canary@127.0.0.1:1/retail") as url:
        with httpx.Client(base_url=url, trust_env=False) as client:
            assert "not started" in state(client)
            process = start(home, service)
            await_ready(home, service, process)
            assert eventually(lambda: f'href="http://127.0.0.1:{port}/"' in state(client)), state(client)
            assert "column lineage" not in state(client)
            (site / "lineage").mkdir()
            (site / "lineage" / "index.html").write_text("colibri")
            assert eventually(lambda: f'href="http://127.0.0.1:{port}/lineage/index.html"' in state(client))

            with (home.logs / "docs.log").open("a") as log:
                log.write("OSError: [Errno 28] No space left on device\n")
            process.kill()
            process.wait()
            assert eventually(lambda: "its process has ended" in state(client).lower()), state(client)
            assert "OSError: [Errno 28] No space left on device" in state(client)
            ended(home, "docs", -signal.SIGKILL)  # as the command in the foreground does, which then clears up
            stop(home, ["docs"])
            assert eventually(lambda: "It was ended by SIGKILL, " in state(client)), state(client)
            assert "<code>./retail docs</code> starts it" in state(client)


def test_the_server_is_alive_without_its_warehouse(serve: Callable[[str], serving]) -> None:
    with serve("postgresql://reader:canary@127.0.0.1:1/retail") as url:
        assert httpx.get(f"{url}/livez", trust_env=False).text == "ok\n"
        answer = httpx.get(f"{url}/report", trust_env=False)
        assert answer.status_code == 503
        assert [line.split(":")[0].strip() for line in answer.text.splitlines()] == ["error", "why", "do"]
        assert "canary" not in answer.text + httpx.get(url, trust_env=False).text


def test_a_state_file_that_is_broken_or_missing_is_no_error(home: Home, serve: Callable[[str], serving]) -> None:
    (home.path / "state.json").write_text("[]")
    (home.run / "docs.json").write_text(json.dumps({"pid": "x", "created": None}))
    with serve("postgresql://reader:canary@127.0.0.1:1/retail") as url:
        assert httpx.get(url, trust_env=False).status_code == 200


def test_the_moment_of_the_page_is_the_one_it_is_made_at(serve: Callable[..., serving]) -> None:
    moments = iter([datetime(2026, 11, 6, 12, minute, tzinfo=timezone.utc) for minute in range(60)])
    with serve("postgresql://reader:canary@127.0.0.1:1/retail", lambda: next(moments)) as url:
        first, second = (httpx.get(url, trust_env=False).text for _ in range(2))
    assert "12:01 UTC" in first
    assert first != second
