"""Anomalies as people read them: the block of the report, the views of the dashboard, and the start page."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from psycopg2.extensions import connection
from psycopg2.extras import execute_values

from medallion.database import transaction
from medallion.settings import Settings
from portal.standing import read_standing
from report.anomalies import read_anomalies
from report.write import read_page
from tests.conftest import NOON
from tests.integration.test_gold_rebuild import sell
from tests.integration.test_report import CHROMIUM, Elements, check_nothing_sticks_out
from tests.pipeline import build_untested, build_views
from tests.queries import execute, rows

ROW = {
    "currency": "EUR",
    "level": "store",
    "member": "1",
    "direction": "below",
    "started_at": NOON - timedelta(hours=4),
    "ended_at": NOON,
    "status": "open",
    "grain": "hour",
    "metric": "average_order_value",
    "other_metrics": "",
    "observed": 58,
    "expected": 100,
    "lower_bound": 80,
    "upper_bound": 120,
    "effect": -0.42,
    "amount": -800,
    "score": -9,
    "explanation": "Orders of store 1 are 42% below.",
    "suppressed_because": None,
    "run_id": "hour",
}
VERDICT = "insert into meta.anomaly_verdict (currency, level, member, direction, started_at, verdict, note, given_by) "
VERDICT += (
    "select currency, level, member, direction, started_at, '{}', '{}', 'op' from gold.kpi_anomaly where amount = {}"
)
DAY = timedelta(days=1)


def add(conn: connection, **values: object) -> None:
    """Record an anomaly; what is not given is that of `ROW`."""
    row = ROW | values
    with conn, conn.cursor() as cursor:
        execute_values(cursor, f"insert into gold.kpi_anomaly ({', '.join(row)}) values %s", [tuple(row.values())])


@pytest.fixture
def gold(conn: connection, settings: Settings) -> connection:
    """A sale in Gold, hours that were judged, and days of which too little is known."""
    sell(conn, settings, 1, customer_id=1, sold_at="2026-11-06T10:00:00Z")
    build_untested(conn, settings)
    execute(
        conn,
        "insert into meta.kpi_judgement (grain, judged_until, says, run_id) values "
        "('hour', '2026-11-06T12:00Z', 'hours: judged until 2026-11-06 12:00 UTC', 'r'), "
        "('day', null, 'days: learning, 9 of 36 days', 'r')",
    )
    return conn


@pytest.fixture
def views(gold: connection, settings: Settings) -> connection:
    """The same, with the views of the dashboard."""
    build_views(gold, settings, "dashboard_anomalies", "dashboard_anomaly_days", "dashboard_judgement")
    return gold


def test_the_report_shows_what_is_open_or_ended_in_the_last_week_with_its_last_verdict(gold: connection) -> None:
    add(gold, amount=-1, started_at=NOON - 30 * DAY, ended_at=NOON - 20 * DAY)  # still open
    add(gold, amount=-2, status="ended", started_at=NOON - 9 * DAY, ended_at=NOON - 8 * DAY)
    add(gold, amount=-3, status="ended", started_at=NOON - 8 * DAY, ended_at=NOON - 6 * DAY)
    late = {"status": "suppressed", "suppressed_because": "sales are late"}
    add(gold, amount=-4, started_at=NOON - 2 * DAY, ended_at=NOON - DAY, **late)
    add(gold, amount=5, direction="above")
    add(gold, amount=-6, started_at=NOON + DAY, ended_at=NOON + 2 * DAY)  # after the moment of the report
    for verdict in ("fault", "ok"):
        execute(gold, VERDICT.format(verdict, "a wedding", 5))
    with transaction(gold):
        block = read_anomalies(gold, NOON)
    assert [(one.amount, one.verdict, one.note) for one in block.found] == [
        (-1, None, None),
        (5, "ok", "a wedding"),
        (-4, None, None),
        (-3, None, None),
    ]
    assert [(one.grain, one.until) for one in block.judged] == [("hour", NOON), ("day", None)]
    text = read_page(gold, NOON)
    for said in ("1 anomaly is open: about €1 less", "Not judged: sales are late.", "days: learning, 9 of 36 days"):
        assert said in text
    assert text.index("How was") < text.index("Anything unusual?") < text.index("What does each day bring?")


def test_silence_says_until_when_was_judged_and_a_missing_table_what_makes_it(gold: connection) -> None:
    assert "Nothing unusual: hours judged until Nov 6, 2026, 12:00 UTC, days: learning" in read_page(gold, NOON)
    execute(gold, "truncate meta.kpi_judgement")
    assert "Nothing was judged yet: the next hourly run does it" in read_page(gold, NOON)
    execute(gold, "drop table gold.kpi_anomaly cascade")
    assert "./retail schema makes it" in read_page(gold, NOON)


def test_what_a_source_or_a_person_has_written_is_text(gold: connection) -> None:
    script = "<script>alert(1)</script>"
    add(gold, level="category", member=script, explanation=f"Orders of {script}", metric=script)
    add(gold, direction="above", status="suppressed", suppressed_because=script)
    execute(gold, VERDICT.format("fault", script, -800))
    execute(gold, f"update meta.kpi_judgement set says = 'days: {script}' where grain = 'day'")
    text = read_page(gold, NOON)
    assert "script" not in Elements(text).names
    assert text.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 6


SHOWN = (
    "select amount::int, status, sales_of, metric, effect_percent, open_count, verdict from gold.dashboard_anomalies "
)
MONEY = (
    "select sum(open_missing_amount)::int, sum(open_extra_amount)::int from gold.dashboard_anomalies where currency = "
)


@pytest.mark.slow
def test_the_view_names_what_each_anomaly_is_about(views: connection) -> None:
    known = "is_inferred = false, currency = 'EUR', opened_at = 'epoch', updated_at = 'epoch'"
    execute(views, f"update gold.dim_store set store_name = 'Lyon', {known} where store_id = 1")
    add(views, amount=-5, level="total", member="")
    add(views, amount=-4)
    add(views, amount=-3, member="77", status="suppressed", suppressed_because="sales are late")
    add(views, amount=-2, level="category", member="Tea", status="ended")
    for verdict in ("ok", "fault"):
        execute(views, VERDICT.format(verdict, "till 3", -4))
    assert rows(views, SHOWN + "order by amount") == [
        (-5, "open", "all sales", "average order value", -42, 1, None),
        (-4, "open", "store Lyon", "average order value", -42, 0, "fault: till 3"),
        (-3, "not judged", "store 77", "average order value", -42, 0, None),
        (-2, "ended", "category Tea", "average order value", -42, 0, None),
    ]
    said = "select explanation from gold.dashboard_anomalies where amount = -3"
    assert rows(views, said) == [("Not judged: sales are late. Orders of store 1 are 42% below.",)]


@pytest.mark.slow
def test_the_view_and_the_report_count_shared_sales_once_and_no_verdict_twice(views: connection) -> None:
    add(views, amount=-1000, level="total", member="")
    add(views, amount=-800)
    add(views, amount=-700, member="2", started_at=NOON - 9 * DAY, ended_at=NOON - 8 * DAY)
    add(views, amount=-600, member="3", started_at=NOON - 9 * DAY, ended_at=NOON - 8 * DAY)
    add(views, amount=300, direction="above")
    add(views, amount=50, direction="above", currency="CHF")
    assert rows(views, MONEY + "'EUR'") == [(2300, 300)]
    assert rows(views, MONEY + "'CHF'") == [(0, 50)]
    assert "about CHF 50 more and €2,300 less and €300 more than expected" in read_page(views, NOON)
    with transaction(views):
        assert read_standing(views, NOON).open_anomalies == 6
    execute(views, VERDICT.format("ok", "", -1000))
    assert rows(views, MONEY + "'EUR'") == [(2100, 300)]
    with transaction(views):
        assert read_standing(views, NOON).open_anomalies == 5


@pytest.mark.slow
def test_days_without_an_anomaly_are_there_once_they_were_judged(views: connection) -> None:
    add(views)
    add(views, direction="above")
    add(views, started_at=NOON - 40 * DAY, ended_at=NOON - 39 * DAY)
    found = rows(
        views, "select started_date::text, level, anomaly_count from gold.dashboard_anomaly_days order by 1, 2"
    )
    assert len(found) == 41 * 4
    assert [one for one in found if one[2]] == [("2026-09-27", "store", 1), ("2026-11-06", "store", 2)]
    execute(views, "truncate gold.kpi_anomaly")
    assert rows(views, "select count(*), min(started_date)::text from gold.dashboard_anomaly_days") == [
        (29 * 4, "2026-10-09")
    ]
    execute(views, "truncate meta.kpi_judgement")
    assert rows(views, "select count(*) from gold.dashboard_anomaly_days") == [(0,)]


@pytest.mark.slow
def test_the_judgement_is_shown_before_there_is_one(views: connection) -> None:
    asked = "select judged, judged_until, state from gold.dashboard_judgement order by 1"
    assert rows(views, asked) == [
        ("days", None, "learning, 9 of 36 days"),
        ("hours", NOON, "judged until 2026-11-06 12:00 UTC"),
    ]
    execute(views, "update meta.kpi_judgement set says = 'not judged: disk: full'")
    assert {state for *_, state in rows(views, asked)} == {"not judged: disk: full"}
    execute(views, "truncate meta.kpi_judgement")
    assert {state for *_, state in rows(views, asked)} == {"not judged yet: the next hourly run does it"}


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian: apt install chromium); CI installs it")
@pytest.mark.parametrize("width", [390, 1440])
def test_no_anomaly_sticks_out_of_the_page(gold: connection, tmp_path: Path, width: int) -> None:
    add(gold, level="category", member="Haushaltswaren-und-Kücheneinrichtung", amount=-123_456_789)
    add(gold, direction="above", status="ended", explanation="Orders " * 40)
    check_nothing_sticks_out(read_page(gold, NOON), tmp_path, width)
