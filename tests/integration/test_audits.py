"""Audits of Gold: what a build finds out about its own rows before any reader sees them, and the results it leaves."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg2.extensions import connection

from gold import build as gold
from gold.audits import declared_audits, read_audits, share_of_builds
from gold.dashboards import declared_views
from loaders.load_all_silver import load_all_silver
from medallion.alerting.audits import report_audits
from medallion.database import connect, transaction
from medallion.errors import DatabaseError, GoldAuditFailed, GoldBuildFailed
from medallion.process.steps import CORE, MARTS
from medallion.settings import PROJECT_ROOT, Settings
from report.pipeline import read_pipeline
from tests.conftest import NOON
from tests.dbt_copies import alter, project_copy
from tests.integration.test_gold_rebuild import execute, sell
from tests.integration.test_histories import price
from tests.integration.test_quarantine import HEADER, LINE
from tests.integration.test_silver import land
from tests.pipeline import build, build_untested
from tests.process_table import eventually
from tests.queries import rows

FIGURES = "select sale_id, net_amount from gold.sales_item order by 1"
TAKEN = "select model, source_table, load_id from meta.gold_state where model <> 'dbt_test' order by 1, 2"
RESULTS = "select kind, name, status, failures, row_count from meta.gold_result where run_id = %s order by result_id"


def audited(conn: connection, model: str, name: str) -> tuple[Any, ...]:
    """Status, failures and rows of the last result of an audit."""
    (found,) = [one for one in read_audits(conn, model=model) if one.name == name]
    assert found.last is not None
    return found.last.status, found.last.failures, found.last.rows


def audits_of_an_hour() -> set[tuple[str, str]]:
    """Model and name of the audits of core and marts."""
    return {(one.model, one.name) for one in declared_audits() if f"gold.{one.model}" in (*CORE, *MARTS)}


def sell_lines(conn: connection, settings: Settings, sale_id: int, lines: int, currency: str) -> None:
    """One sale of so many lines."""
    header = HEADER | {"sale_id": sale_id, "currency": currency}
    land(conn, settings, [json.dumps(header).encode()], "sales_customer")
    sold = [LINE | {"sale_id": sale_id, "line_no": number} for number in range(1, lines + 1)]
    land(conn, settings, [json.dumps(line).encode() for line in sold], "sales_product")
    load_all_silver(conn, settings, run_id="load")


@pytest.mark.slow
def test_a_bad_row_in_silver_is_seen_by_no_reader_and_the_next_good_run_heals(
    conn: connection, settings: Settings
) -> None:
    for sale_id in (1, 2):
        sell(conn, settings, sale_id, customer_id=sale_id)
    build(conn, settings)
    before, taken = rows(conn, FIGURES), rows(conn, TAKEN)
    assert audited(conn, "sales_item", "lines_are_those_of_silver") == ("PASS", 0, 2)
    sell(conn, settings, 3, customer_id=3)
    # No check, no contract and no test of dbt minds: for Postgres, NaN is a number above all others.
    execute(conn, "update silver.sales_product set unit_price = 'NaN' where sale_id = 3")
    with pytest.raises(GoldAuditFailed, match=r"sales_item.amounts_and_\w+: 1 of 1 rows, such as sales_item_id 3-1"):
        gold.build_core(conn, settings, run_id="bad hour")
    assert rows(conn, FIGURES) == before
    of_the_fact = [row for row in taken if row[0] == "sales_item"]
    assert [row for row in rows(conn, TAKEN) if row[0] == "sales_item"] == of_the_fact
    assert audited(conn, "sales_item", "amounts_and_moments_are_finite")[:2] == ("FAIL", 1)
    kept = {(kind, name): status for kind, name, status, *_ in rows(conn, RESULTS.replace("%s", "'bad hour'"))}
    assert kept["model", "sales_item"] == "ERROR"
    (message,) = rows(conn, "select message from meta.gold_result where status = 'ERROR'")[0]
    assert message.startswith("Database Error in model sales_item")
    assert "compiled code" not in message
    assert kept["model", "dim_store"] == "PASS"
    assert kept["test", "unique_sales_item_sales_item_id"] == "SKIPPED"
    with transaction(conn):
        shown = read_pipeline(conn, NOON)
    assert [(one.kind, one.name, one.status) for one in shown.findings] == [
        ("model", "sales_item", "ERROR"),
        ("audit", "amounts_and_moments_are_finite", "FAIL"),
    ]
    execute(conn, "update silver.sales_product set unit_price = 10 where sale_id = 3")
    gold.build_core(conn, settings, run_id="bad hour")  # the task is tried again
    with transaction(conn):
        shown = read_pipeline(conn, NOON)
    assert shown.findings == ()
    assert {one.kind: one.all - one.passed for one in shown.results} == {"audit": 0, "model": 0, "test": 0}
    execute(conn, "insert into meta.gold_result (run_id, kind, name, status) values ('night', 'test', 'any', 'PASS')")
    with transaction(conn):
        assert read_pipeline(conn, NOON).results == shown.results  # a run that built nothing is no build
    assert rows(conn, FIGURES) == [*before, (3, 10)]
    assert audited(conn, "sales_item", "lines_are_those_of_silver") == ("PASS", 0, 1)


@pytest.mark.slow
def test_a_line_that_the_fact_would_lack_is_not_published(conn: connection, settings: Settings, tmp_path: Path) -> None:
    sell(conn, settings, 1, customer_id=1)
    build_untested(conn, settings)
    sell_lines(conn, settings, 2, 3, "EUR")
    joined = "inner join line on header.sale_id = line.sale_id"
    with project_copy(settings, tmp_path) as copy:
        alter(copy, "models/gold/core/sales_item.sql", joined, f"{joined} and line.line_no < 3")
        for full_refresh in (False, True):
            with pytest.raises(GoldAuditFailed, match=r"lines_are_those_of_silver: 1 of \d rows, such as 2-3"):
                gold.build_core(conn, settings, run_id="hour", full_refresh=full_refresh)
            assert rows(conn, "select count(*) from gold.sales_item") == [(1,)]
    build_untested(conn, settings)
    assert rows(conn, "select count(*) from gold.sales_item") == [(4,)]


@pytest.mark.slow
def test_a_key_that_is_missing_or_unknown_is_not_published(
    conn: connection, settings: Settings, tmp_path: Path
) -> None:
    sell(conn, settings, 1, customer_id=1)
    build_untested(conn, settings)
    sell(conn, settings, 2, customer_id=1)
    price(conn, settings, 1, "2.50", 7)
    with project_copy(settings, tmp_path / "orphan") as copy:
        key = "md5(line.sale_id::text)::uuid as customer_key,"
        alter(copy, "models/gold/core/sales_item.sql", "customer_version.customer_key,", key)
        for full_refresh, failed in ((False, 1), (True, 2)):
            with pytest.raises(
                GoldAuditFailed, match=rf"sales_item.customer_is_known: {failed} of {failed} rows, such"
            ):
                gold.build_core(conn, settings, run_id="hour", full_refresh=full_refresh)
    price(conn, settings, 2, "2.60", 7)
    with project_copy(settings, tmp_path / "missing") as copy:
        alter(copy, "models/gold/core/dim_product.sql", "from member", "from member where product_id <> 7")
        with pytest.raises(GoldAuditFailed, match=r"dim_product.every_product_is_there: 1 of 1 rows, such as 7"):
            gold.build_core(conn, settings, run_id="hour", full_refresh=True)
    assert rows(conn, "select count(*) from gold.sales_item") == [(1,)]


@pytest.mark.parametrize("wrong", ["unit_price = 'NaN'", "unit_cost = 'NaN'", "updated_at = 'infinity'"])
def test_a_product_that_no_sum_or_calendar_can_take_is_not_published(
    conn: connection, settings: Settings, wrong: str
) -> None:
    price(conn, settings, 1, "2.50", 7)
    execute(conn, f"update silver.products set {wrong} where product_id = 7")
    gold.prepare(conn, settings, run_id="hour")
    with pytest.raises(GoldAuditFailed, match=r"dim_product\.amounts_and_\w+: 1 of 1 rows, such as product_id 7"):
        gold.build_core(conn, settings, run_id="hour")


def test_readers_are_not_kept_out_while_a_complete_build_is_audited(
    conn: connection, settings: Settings, database_url: str
) -> None:
    sell(conn, settings, 1, customer_id=1)
    build_untested(conn, settings)
    waits = "select from pg_locks where not granted and relation = 'meta.gold_result'::regclass"
    with connect(database_url) as other, ThreadPoolExecutor(1) as pool:
        with transaction(conn), conn.cursor() as cursor:
            cursor.execute("lock table meta.gold_result in share row exclusive mode")  # an audit cannot be recorded
            building = pool.submit(gold.build_core, other, settings, run_id="again", full_refresh=True)
            assert eventually(lambda: cursor.execute(waits) or cursor.rowcount, 60)
            cursor.execute("set local lock_timeout = '5s'")
            cursor.execute("select count(*) from gold.dim_customer natural join gold.dim_customer_history")
            assert cursor.fetchall() == [(0,)]
        assert building.result(120).models == 7


def test_a_mart_that_would_differ_from_the_fact_is_not_published(conn: connection, settings: Settings) -> None:
    sell(conn, settings, 1, customer_id=1)
    build_untested(conn, settings)
    shown = rows(conn, "select * from gold.mart_sales_by_store")
    # A row that no line stands for, in a day that the next hour recomputes.
    execute(
        conn,
        "insert into gold.mart_sales_by_store select (jsonb_populate_record(mart, "
        "jsonb_build_object('store_id', 77, 'store_key', gen_random_uuid()))).* from gold.mart_sales_by_store as mart",
    )
    forged = rows(conn, "select count(*) from gold.mart_sales_by_store")
    assert forged == [(2 * len(shown),)]
    sell(conn, settings, 2, customer_id=1)
    gold.build_core(conn, settings, run_id="hour")
    with pytest.raises(GoldAuditFailed, match=r"mart_sales_by_store\.figures_are_those_of_the_fact: 1 of 1 rows"):
        gold.build_mart(conn, settings, run_id="hour")
    assert rows(conn, "select count(*) from gold.mart_sales_by_store") == forged
    assert rows(conn, "select sum(line_count) from gold.mart_daily_kpis") == [(2,)]  # the others are published
    execute(conn, "delete from gold.mart_sales_by_store where store_id = 77")
    gold.build_mart(conn, settings, run_id="hour")
    assert rows(conn, "select sum(line_count) from gold.mart_sales_by_store") == [(2,)]


@pytest.mark.slow
def test_a_nightly_table_that_would_differ_from_the_fact_is_not_published(
    conn: connection, settings: Settings, tmp_path: Path
) -> None:
    sell(conn, settings, 1, customer_id=1)
    build_untested(conn, settings)
    gold.build_nightly(conn, settings, run_id="night", now=NOON)
    events = rows(conn, "select behavior_id, net_amount, _load_id from gold.fct_customer_behavior order by 1")
    assert audited(conn, "fct_customer_behavior", "amounts_are_those_of_the_fact") == ("PASS", 0, 1)
    assert audited(conn, "mart_customer_rfm", "customer_is_known") == ("PASS", 0, 1)
    with project_copy(settings, tmp_path) as copy:
        alter(copy, "models/gold/nightly/fct_customer_behavior.sql", "net_amount::numeric", "(net_amount + 1)::numeric")
        with pytest.raises(GoldAuditFailed, match=r"fct_customer_behavior.amounts_are_those_of_the_fact: 1 of 1 rows"):
            gold.build_nightly(conn, settings, run_id="night", now=NOON)
    assert rows(conn, "select behavior_id, net_amount, _load_id from gold.fct_customer_behavior order by 1") == events


@pytest.mark.slow
def test_a_jump_in_nulls_is_published_and_opens_an_incident_until_it_is_over(
    conn: connection, settings: Settings
) -> None:
    sent: list[Any] = []

    def hour(run_id: str, sale_id: int, currency: str, lines: int = 100) -> None:
        sell_lines(conn, settings, sale_id, lines, currency)
        gold.prepare(conn, settings, run_id=run_id)
        gold._step(conn, settings, ["run", "--select", "tag:core"], run_id, "dbt_run_core")
        report_audits(conn, "retail_etl_hourly", run_id, settings, {"log": sent.append})

    incidents = "select task_id, status, times from meta.incident order by incident_id"
    price(conn, settings, 1, "2.50", int(str(LINE["product_id"])))
    hour("one", 1, "EUR")
    assert rows(conn, incidents) == []
    hour("two", 2, "CHF")  # products cost euros, so these lines have no cost
    assert audited(conn, "sales_item", "nulls_of_cost_amount") == ("WARN", 100, 100)
    assert rows(conn, "select count(*) from gold.sales_item where cost_amount is null") == [(100,)]
    assert rows(conn, incidents) == [("audit_sales_item_nulls_of_cost_amount", "OPEN", 1)]
    execute(conn, "delete from meta.incident")  # as if the report had not been made before the step was tried again
    gold._step(conn, settings, ["run", "--select", "tag:core"], "two", "dbt_run_core")
    report_audits(conn, "retail_etl_hourly", "two", settings, {"log": sent.append})
    assert rows(conn, incidents) == [("audit_sales_item_nulls_of_cost_amount", "OPEN", 1)]
    hour("too small to say anything", 3, "CHF", lines=3)
    assert rows(conn, incidents) == [("audit_sales_item_nulls_of_cost_amount", "OPEN", 1)]
    sell_lines(conn, settings, 4, 100, "EUR")
    gold.prepare(conn, settings, run_id="by hand")
    gold._step(conn, settings, ["run", "--select", "tag:core"], "by hand", "dbt_run_core")  # which reports nothing
    report_audits(conn, "retail_etl_hourly", "the hour after", settings, {"log": sent.append})
    assert rows(conn, incidents) == [("audit_sales_item_nulls_of_cost_amount", "CLOSED", 1)]
    assert len(sent) == 2


def test_the_statement_of_the_docs_ends_the_incident_of_an_audit_that_is_gone(
    conn: connection, settings: Settings
) -> None:
    price(conn, settings, 1, "2.50", int(str(LINE["product_id"])))
    for sale_id, currency in ((1, "EUR"), (2, "CHF")):
        sell_lines(conn, settings, sale_id, 100, currency)
        build_untested(conn, settings)
    report_audits(conn, "retail_etl_hourly", "hour", settings, {})
    incident = "select task_id, status, closed_at is not null from meta.incident"
    assert rows(conn, incident) == [("audit_sales_item_nulls_of_cost_amount", "OPEN", False)]
    page = (PROJECT_ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    (statement,) = re.findall(r"`(update meta\.incident set [^`]+)`", page)
    execute(conn, statement.replace("audit_MODEL_NAME", "audit_sales_item_nulls_of_cost_amount"))
    assert rows(conn, incident) == [("audit_sales_item_nulls_of_cost_amount", "CLOSED", True)]


def test_a_severity_that_there_is_not_blocks_and_is_refused(
    conn: connection, settings: Settings, tmp_path: Path
) -> None:
    with pytest.raises(DatabaseError, match="audit a of m failed: 1 of 2 rows"):
        with transaction(conn), conn.cursor() as cursor:
            cursor.execute("select meta.record_audit('r', 'm', 'a', 'eror', 1, 2, null, null)")
    sell(conn, settings, 1, customer_id=1)
    gold.prepare(conn, settings, run_id="hour")
    with project_copy(settings, tmp_path) as copy:
        alter(copy, "models/gold/core/dim_store.yml", "severity: error", "severity: eror")
        with pytest.raises(GoldBuildFailed, match=r"every_store_is_there: its severity is error or warn, not eror"):
            gold.build_core(conn, settings, run_id="hour")


@pytest.mark.slow
def test_every_result_of_a_run_is_kept_for_its_days(conn: connection, settings: Settings) -> None:
    sell(conn, settings, 1, customer_id=1)
    build(conn, settings)
    kept = rows(conn, RESULTS.replace("%s", "'hour'"))
    kinds = [kind for kind, *_ in kept]
    models = {name for kind, name, *_ in kept if kind == "model"}
    assert models == {one.removeprefix("gold.") for one in (*CORE, *MARTS)} | {*declared_views()}
    assert kinds.count("test") > 40
    assert kinds.count("audit") == len(audits_of_an_hour())
    assert {status for _, _, status, *_ in kept} == {"PASS"}
    assert ("model", "sales_item", "PASS", None, 1) in kept
    execute(conn, "update meta.gold_result set recorded_at = recorded_at - interval '91 days' where kind = 'test'")
    sell(conn, settings, 2, customer_id=1)
    build_untested(conn, settings)
    assert rows(conn, "select count(*) from meta.gold_result where kind = 'test'") == [(0,)]
    # The second run has built no view: they are as they were.
    both = "select count(*) from meta.gold_result where kind = 'model'"
    assert rows(conn, both) == [(len(models) + len({*CORE, *MARTS}),)]


def test_audits_of_an_hour_are_listed_with_what_they_cost(conn: connection, settings: Settings) -> None:
    sell(conn, settings, 1, customer_id=1)
    build_untested(conn, settings)
    sell(conn, settings, 2, customer_id=1)
    build_untested(conn, settings)
    with transaction(conn):
        found = read_audits(conn, results=5)
    assert [(one.model, one.name) for one in found] == [(one.model, one.name) for one in declared_audits()]
    assert 0 < (share_of_builds(found) or 0) < 1
    of_the_hour = [one for one in found if (one.model, one.name) in audits_of_an_hour()]
    assert len(of_the_hour) > 12
    for audit in of_the_hour:
        assert [one.status for one in audit.history] == ["PASS", "PASS"], audit.name
        for one in audit.history:
            assert one.seconds is not None
            assert one.build_seconds is not None
            assert 0 <= one.seconds < one.build_seconds
        assert audit.history[0].at - audit.history[1].at > timedelta(0)
