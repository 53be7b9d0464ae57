"""An alarm, from a real failure in a real run to a real mailbox and web address, and its end."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from psycopg2.extensions import connection

from medallion.settings import Settings
from tests.airflow_run import Hour
from tests.conftest import KEY, NOON, Source
from tests.pipeline import build_untested, hour
from tests.ports import free_port
from tests.postgres_server import PASSWORD
from tests.queries import rows
from tests.receivers import mail_server, webhook

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(600)]

TOKEN = "T0-token-in-the-path"
BREAK = f"""
    create function public.break() returns trigger language plpgsql as
    $$ begin raise exception 'no <b>room</b> at postgresql://u:{PASSWORD}@h/d for {KEY} {{{{ 7 * 191 }}}}'; end $$;
    create trigger break before insert on silver.products for each statement execute function public.break()
"""
AUDIT = "audit_sales_item_nulls_of_cost_amount"
OPEN = """
    select task_id, entity, times, pending_channels
    from meta.incident inner join meta.incident_message using (message_id)
    where incident.status = 'OPEN' order by 1
"""


@pytest.fixture
def hook() -> Iterator[Any]:
    with webhook() as server:
        yield server


def told(runs: Hour, hook: Any, smtp_port: int) -> Hour:
    """The same runs, with a mailbox and a web address to notify."""
    host, port = hook.server_address
    mail = {"disable_ssl": True, "disable_tls": True, "from_email": "retail@example.org", "retry_limit": 0}
    connection_of_mail = {"conn_type": "smtp", "host": "127.0.0.1", "port": smtp_port, "extra": mail}
    return Hour(
        runs.environment
        | {
            "ALERT_EMAIL": "ann@example.org, bob@example.org",
            "ALERT_WEBHOOK": "alarm",
            "AIRFLOW_CONN_ALARM": f"http://:bearer-word@{host}:{port}/{TOKEN}",
            "AIRFLOW_CONN_SMTP_DEFAULT": json.dumps(connection_of_mail),
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        },
        runs.log,
    )


def said(runs: Hour, what: str) -> list[Any]:
    """The log's incident lines."""
    return [json.loads(found) for found in re.findall(rf"incident {what} (\{{.*\}})", runs.log.read_text())]


@pytest.mark.slow
def test_a_failure_is_told_once_its_repeats_are_counted_and_its_end_is_told_once(
    runs: Hour, hook: Any, conn: connection
) -> None:
    with conn, conn.cursor() as cursor:
        cursor.execute(BREAK)
    smtp_port = free_port()
    alarmed = told(runs, hook, smtp_port)

    assert alarmed.run() != 0  # nobody listens for mail yet
    assert rows(conn, OPEN) == [("silver_load_products", "products", 1, ["email"])], alarmed.log.read_text()[-3000:]
    (message,) = hook.received
    ((batch, run_id),) = rows(conn, "select load_id, run_id from meta.load where status = 'FAILED'")
    assert (message["entity"], message["load_id"], message["run_id"]) == ("products", batch, run_id)
    assert (message["status"], message["times"]) == ("OPEN", 1)
    assert message["cause"].startswith("the warehouse refused a statement: no <b>room</b> at postgresql://u:***@h/d")
    assert "./retail run" in message["remedy"]
    assert (message["_path"], message["_authorization"]) == (f"/{TOKEN}", "Bearer bearer-word")

    with mail_server(smtp_port) as mailbox:
        assert alarmed.run() != 0
        assert rows(conn, OPEN) == [("silver_load_products", "products", 2, [])]
        assert len(hook.received) == 1
        (mail,) = mailbox.received
        assert "To: ann@example.org, bob@example.org\nSubject: [retail] products: failed" in mail
        for words in ("products", "no &lt;b&gt;room", "{{ 7 * 191 }}", "./retail run", " of run manual__"):
            assert words in mail

        with conn, conn.cursor() as cursor:
            cursor.execute("drop function public.break cascade")
        assert alarmed.run() == 0
        assert rows(conn, "select status, times from meta.incident") == [("CLOSED", 2)]
        assert rows(conn, "select status, pending_channels from meta.incident_message") == [("CLOSED", [])]
        assert alarmed.run() == 0
        assert [one["status"] for one in hook.received] == ["OPEN", "CLOSED"]
        assert len(mailbox.received) == 2
        assert "Subject: [retail] products: resolved" in mailbox.received[1]

    assert [one["times"] for one in said(runs, "opened")] == [1]
    assert [one["times"] for one in said(runs, "closed")] == [2]
    messages = json.dumps([hook.received, mailbox.received, said(runs, "opened"), said(runs, "closed")])
    messages += str(rows(conn, "select * from meta.incident"))
    for secret in (PASSWORD, KEY):
        assert secret not in messages
    assert "1337" not in messages  # what an error quotes is no template
    assert TOKEN not in runs.log.read_text()


@pytest.mark.slow
def test_a_webhook_that_refuses_changes_no_run_and_hears_of_the_end(runs: Hour, hook: Any, conn: connection) -> None:
    hook.answer = 500
    with conn, conn.cursor() as cursor:
        cursor.execute(BREAK)
    alarmed = told(runs, hook, free_port())
    del alarmed.environment["ALERT_EMAIL"]
    assert alarmed.run() != 0
    states = rows(conn, "select layer, dataset from meta.load where status = 'SUCCESS' order by load_id")
    assert ("silver", "sales_product") in states
    assert rows(conn, OPEN) == [("silver_load_products", "products", 1, ["webhook"])]
    assert TOKEN not in runs.log.read_text()
    with conn, conn.cursor() as cursor:
        cursor.execute("drop function public.break cascade")
    hook.answer = 200
    assert alarmed.run() == 0
    (message,) = hook.received
    assert (message["status"], message["entity"]) == ("CLOSED", "products")


@pytest.mark.slow
def test_an_hour_that_is_late_is_told_while_it_runs_and_again_when_it_has_ended(
    runs: Hour, hook: Any, conn: connection
) -> None:
    late = told(runs, hook, free_port())
    late.environment.update(ALERT_EMAIL="", HOUR_DEADLINE_MINUTES="0.01")
    assert late.run() == 0, late.log.read_text()[-3000:]
    assert [(one["entity"], one["status"]) for one in hook.received] == [("run", "OPEN"), ("run", "CLOSED")]
    assert "has not ended within 0.01 minutes" in hook.received[0]["cause"]
    assert rows(conn, "select status, times from meta.incident") == [("CLOSED", 1)]
    before_gold = "select min(started_at) > (select opened_at from meta.incident) from meta.load where layer = 'gold'"
    assert rows(conn, before_gold) == [(True,)]


@pytest.mark.slow
def test_a_source_that_refuses_every_pull_is_one_message_and_one_end(runs: Hour, hook: Any, conn: connection) -> None:
    alarmed = told(runs, hook, free_port())
    alarmed.environment["ALERT_EMAIL"] = ""
    assert Hour(alarmed.environment | {"SOURCE_API_KEY": "not-the-key"}, runs.log).run() != 0
    pulls = ["bronze_customers", "bronze_products", "bronze_sales", "bronze_stores"]
    assert [row[0] for row in rows(conn, OPEN)] == pulls
    assert [(one["status"], "status 401" in one["cause"]) for one in hook.received] == [("OPEN", True)]
    assert alarmed.run() == 0
    assert [one["status"] for one in hook.received] == ["OPEN", "CLOSED"]
    assert sorted(hook.received[1]["tasks"]) == pulls


@pytest.mark.slow
def test_an_audit_that_warns_opens_an_incident_and_the_run_passes(
    runs: Hour, hook: Any, conn: connection, settings: Settings, source: Source
) -> None:
    hour(conn, settings)
    build_untested(conn, settings)
    with conn, conn.cursor() as cursor:  # so no sale of the next hours has a cost
        cursor.execute("update gold.dim_product_history set currency = 'CHF'")
    source.set_clock(NOON + timedelta(hours=4))
    alarmed = told(runs, hook, free_port())
    alarmed.environment["ALERT_EMAIL"] = ""
    assert alarmed.run() == 0, alarmed.log.read_text()[-3000:]
    assert rows(conn, OPEN) == [(AUDIT, AUDIT, 1, [])]
    (message,) = hook.received
    assert message["status"] == "OPEN"
    assert "instead of 0.000" in message["cause"]
    assert rows(conn, "select max(sold_at) > timestamptz '2026-11-06 12:00Z' from gold.sales_item") == [(True,)]


@pytest.mark.slow
def test_while_the_warehouse_is_down_that_is_told_once_and_the_log_lines_come_all_the_same(
    runs: Hour, hook: Any, conn: connection
) -> None:
    address = f"postgres://postgres:{PASSWORD}@127.0.0.1:{free_port()}/retail"
    alarmed = told(runs, hook, free_port())
    alarmed.environment.update(ALERT_EMAIL="", AIRFLOW_CONN_RETAIL=address)
    assert alarmed.run() != 0
    (message,) = hook.received
    assert (message["entity"], message["status"]) == ("warehouse", "OPEN")
    assert "cannot connect to the warehouse" in message["cause"]
    assert PASSWORD not in json.dumps(message)
    lines = said(runs, "opened")
    assert sorted(one["entity"] for one in lines) == ["customers", "products", "sales", "stores"]
    assert all("cannot connect to the warehouse" in one["not_recorded"] + one["cause"] for one in lines)
    assert PASSWORD not in json.dumps(lines)
    assert "did not finish" not in runs.log.read_text()
    assert rows(conn, "select * from meta.incident") == []
