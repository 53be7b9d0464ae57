"""The step reads the marts, writes `gold.kpi_anomaly`, and its anomalies are incidents until there is a verdict."""

from __future__ import annotations

from datetime import datetime, timedelta
from io import StringIO

import pytest
from psycopg2.extensions import connection

from medallion.alerting.anomalies import report_anomalies
from medallion.alerting.messages import Incident
from medallion.database import transaction
from medallion.errors import AnomaliesFound, NothingToDo
from medallion.settings import Settings
from quality.anomalies.panel import Panel, Slice
from quality.anomalies.reproducing import reproduce
from quality.anomalies.store import Recorded, give_verdict, read_anomalies, read_judgements
from quality.anomalies.watch import judge_kpis, watch_kpis
from tests.queries import rows
from tests.series import BEGINS, changed, hours_of

DAYS = 112
LAST = (DAYS - 1) * 24
NOW = BEGINS + timedelta(days=DAYS, minutes=20)
STORE_3 = Slice("EUR", "store", "3")
MARTS = """
    create table gold.mart_sales_by_hour (
        sold_hour timestamptz, store_id integer, channel text, currency text, sale_count bigint, net_amount numeric,
        returned_amount numeric, line_count bigint,
        primary key (sold_hour, store_id, channel, currency)
    );
    create table gold.mart_sales_by_category (
        sold_date date, store_id integer, channel text, category text, currency text, net_amount numeric,
        returned_amount numeric, line_count bigint,
        primary key (sold_date, store_id, channel, category, currency)
    );
"""
CATEGORIES = """
    truncate gold.mart_sales_by_category;
    insert into gold.mart_sales_by_category
    select
        (sold_hour at time zone 'UTC')::date, store_id, channel, category, currency, sum(net_amount) * share,
        sum(returned_amount) * share, (sum(line_count) * share)::bigint
    from gold.mart_sales_by_hour, (values ('Toys', 0.3), ('Home', 0.5), ('Beauty', 0.2)) as part (category, share)
    group by 1, 2, 3, 4, 5, share
"""
NORMAL = hours_of(DAYS)
STRUCK = changed(NORMAL, STORE_3, LAST + 10, LAST + 20, 0.4)


def write(conn: connection, panel: Panel) -> None:
    """Fill the marts with a panel, as builds of Gold would."""
    text = StringIO()
    cells = [(store, channel) for store in range(1, 8) for channel in ("store", "web", "app")]
    for row, (store, channel) in enumerate(cells):
        for point in range(panel.points):
            orders, revenue, returned = (float(panel.parts[name][row, point]) for name in panel.parts)
            moment = f"{panel.at(point):%Y-%m-%d %H:%M}+00"
            figures = f"{orders:.0f}\t{revenue - returned:.2f}\t{returned:.2f}\t{2 * orders:.0f}"
            text.write(f"{moment}\t{store}\t{channel}\tEUR\t{figures}\n")
    text.seek(0)
    with transaction(conn), conn.cursor() as cursor:
        cursor.execute("truncate gold.mart_sales_by_hour")
        cursor.copy_expert("copy gold.mart_sales_by_hour from stdin", text)
        cursor.execute(CATEGORIES)


@pytest.fixture
def warehouse(conn: connection) -> connection:
    with transaction(conn), conn.cursor() as cursor:
        cursor.execute(MARTS)
    pulled(conn, NOW)
    write(conn, STRUCK)
    return conn


def pulled(conn: connection, moment: datetime) -> None:
    with transaction(conn), conn.cursor() as cursor:
        cursor.execute(
            "insert into meta.load (run_id, layer, dataset, status, started_at, ended_at) "
            "values ('r', 'bronze', 'sales', 'SUCCESS', %s, %s)",
            (moment, moment),
        )


def found(conn: connection) -> list[Recorded]:
    with transaction(conn):
        return read_anomalies(conn, BEGINS)


def test_an_anomaly_is_written_with_its_figures_its_words_and_sql_that_shows_the_same(
    warehouse: connection, settings: Settings
) -> None:
    judged = judge_kpis(warehouse, settings, run_id="r1", now=NOW)
    (one,) = found(warehouse)
    row = one.anomaly
    assert judged.summary().endswith("1 open anomaly, 1 new")
    assert (row.of, row.direction, row.status) == (STORE_3, "below", "open")
    assert -0.65 < row.effect < -0.45
    assert row.lower_bound < row.expected < row.upper_bound
    assert row.observed < row.lower_bound
    assert row.amount < -100
    assert row.explanation.startswith("Orders of store 3: 5")
    assert "instead of" in row.explanation
    weeks = rows(warehouse, reproduce(row))
    assert len(weeks) == 5
    assert [float(week[1]) for week in weeks][-1] == pytest.approx(float(row.observed))


def test_to_judge_again_changes_no_row_and_no_id(warehouse: connection, settings: Settings) -> None:
    judge_kpis(warehouse, settings, run_id="r1", now=NOW)
    before = rows(warehouse, "select * from gold.kpi_anomaly")
    again = judge_kpis(warehouse, settings, run_id="r2", now=NOW)
    assert rows(warehouse, "select * from gold.kpi_anomaly") == before
    assert (len(again.open), again.new) == (1, ())


def test_an_hour_later_the_same_anomaly_is_still_that_row(warehouse: connection, settings: Settings) -> None:
    judge_kpis(warehouse, settings, run_id="r1", now=NOW - timedelta(hours=6))
    (first,) = found(warehouse)
    for hours in (5, 3, 0):
        judge_kpis(warehouse, settings, run_id=f"r{hours}", now=NOW - timedelta(hours=hours))
    (last,) = found(warehouse)
    assert last.anomaly_id == first.anomaly_id
    assert last.anomaly.ended_at >= first.anomaly.ended_at


def test_late_lines_that_explain_an_anomaly_remove_it(warehouse: connection, settings: Settings) -> None:
    judge_kpis(warehouse, settings, run_id="r1", now=NOW)
    write(warehouse, NORMAL)
    judged = judge_kpis(warehouse, settings, run_id="r2", now=NOW)
    assert found(warehouse) == []
    assert judged.open == ()


def test_what_was_not_pulled_yet_is_not_judged(warehouse: connection, settings: Settings) -> None:
    """After a late or failed pull the last hours are empty, which is no anomaly of the business."""
    with transaction(warehouse), warehouse.cursor() as cursor:
        cursor.execute(
            "delete from meta.load; delete from gold.mart_sales_by_hour where sold_hour >= %s",
            (NOW - timedelta(hours=16),),
        )
    pulled(warehouse, NOW - timedelta(hours=16))
    judge_kpis(warehouse, settings, run_id="r1", now=NOW)
    assert found(warehouse) == []
    with transaction(warehouse):
        until = read_judgements(warehouse)["hour"].until
    assert until == (NOW - timedelta(hours=16)).replace(minute=0)


def test_a_source_that_sends_nothing_is_an_anomaly_of_all_sales(warehouse: connection, settings: Settings) -> None:
    with transaction(warehouse), warehouse.cursor() as cursor:
        cursor.execute("delete from gold.mart_sales_by_hour where sold_hour >= %s", (NOW - timedelta(hours=10),))
    judge_kpis(warehouse, settings, run_id="r1", now=NOW)
    totals = [one.anomaly for one in found(warehouse) if one.anomaly.level == "total" and one.anomaly.grain == "hour"]
    assert [float(one.effect) for one in totals] == [-1.0]


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (
            """
            insert into meta.incident (dag_id, task_id, entity, run_id, cause, remedy)
            values ('retail_etl_hourly', 'bronze_sales', 'sales', 'r', 'c', 'd')
            """,
            "incident {0} is open: bronze_sales has failed",
        ),
        (
            """
            insert into meta.gap (entity, from_id, to_id, status, first_seen_at)
            values ('sales', 5, 904, 'OPEN', '2024-12-22 12:00+00')
            """,
            "900 sales are not there yet: their ids were passed over",
        ),
    ],
)
def test_while_the_pipeline_is_in_trouble_an_anomaly_is_suppressed_and_says_why(
    warehouse: connection, settings: Settings, trouble: str, said: str
) -> None:
    with transaction(warehouse), warehouse.cursor() as cursor:
        cursor.execute(trouble)
        cursor.execute("update meta.incident set opened_at = '2024-12-22 09:00+00' returning incident_id")
        number = (cursor.fetchone() or (0,))[0]
    judged = judge_kpis(warehouse, settings, run_id="r1", now=NOW)
    (one,) = found(warehouse)
    assert (one.anomaly.status, one.anomaly.suppressed_because) == ("suppressed", said.format(number))
    assert judged.open == ()
    assert sent(warehouse, settings) == []
    with transaction(warehouse), warehouse.cursor() as cursor:
        cursor.execute("update meta.incident set status = 'CLOSED', closed_at = now(); delete from meta.gap")
    assert len(judge_kpis(warehouse, settings, run_id="r2", now=NOW).new) == 1


def sent(conn: connection, settings: Settings) -> list[tuple[str, str]]:
    """What a channel is sent by the report that follows a judgement."""
    messages: list[Incident] = []
    report_anomalies(conn, "retail_etl_hourly", "r", settings, {"mail": messages.append})
    return [(one.status, one.task_id) for one in messages]


def test_an_anomaly_is_one_message_and_its_end_another(warehouse: connection, settings: Settings) -> None:
    judge_kpis(warehouse, settings, run_id="r1", now=NOW)
    assert sent(warehouse, settings) == [("OPEN", "anomaly_store_3_EUR_below")]
    judge_kpis(warehouse, settings, run_id="r2", now=NOW)
    assert sent(warehouse, settings) == []
    write(warehouse, NORMAL)
    judge_kpis(warehouse, settings, run_id="r3", now=NOW)
    assert sent(warehouse, settings) == [("CLOSED", "anomaly_store_3_EUR_below")]


@pytest.mark.parametrize("said", ["ok", "fault"])
def test_a_verdict_ends_the_incident_and_outlives_the_next_judgement(
    warehouse: connection, settings: Settings, said: str
) -> None:
    judge_kpis(warehouse, settings, run_id="r1", now=NOW)
    assert sent(warehouse, settings) == [("OPEN", "anomaly_store_3_EUR_below")]
    (one,) = found(warehouse)
    with transaction(warehouse):
        give_verdict(warehouse, one, said, "a wedding", "tester")
    assert sent(warehouse, settings) == [("CLOSED", "anomaly_store_3_EUR_below")]
    judged = judge_kpis(warehouse, settings, run_id="r2", now=NOW)
    (one,) = found(warehouse)
    assert (one.verdict, one.note) == (said, "a wedding")
    assert judged.new == ()
    assert sent(warehouse, settings) == []


def test_what_comes_to_little_money_is_not_reported(warehouse: connection, settings: Settings) -> None:
    rich = settings.model_copy(update={"anomaly_least_amount": 10_000_000.0})
    judge_kpis(warehouse, rich, run_id="r1", now=NOW)
    assert found(warehouse) == []


def test_a_new_anomaly_fails_the_run_only_if_the_settings_ask_for_it(warehouse: connection, settings: Settings) -> None:
    strict = settings.model_copy(update={"anomalies_fail_run": True})
    with pytest.raises(AnomaliesFound, match="store 3"):
        watch_kpis(warehouse, strict, run_id="r1", now=NOW)
    assert len(found(warehouse)) == 1
    watch_kpis(warehouse, strict, run_id="r2", now=NOW)  # known by now


def test_a_judgement_that_breaks_fails_no_run_and_is_noted(warehouse: connection, settings: Settings) -> None:
    with transaction(warehouse), warehouse.cursor() as cursor:
        cursor.execute("alter table gold.mart_sales_by_hour rename column sale_count to sales")
    judged = watch_kpis(warehouse, settings, run_id="r1", now=NOW)
    assert judged.says[0].startswith("not judged: ")
    with transaction(warehouse):
        assert {one.says for one in read_judgements(warehouse).values()} == {*judged.says}


def test_with_little_history_it_is_silent_and_says_how_much_there_is(warehouse: connection, settings: Settings) -> None:
    with transaction(warehouse), warehouse.cursor() as cursor:
        cursor.execute("delete from gold.mart_sales_by_hour where sold_hour < %s", (NOW - timedelta(days=9, hours=5),))
    judged = judge_kpis(warehouse, settings, run_id="r1", now=NOW)
    assert judged.says == ("hours: learning, 9 of 35 days", "days: learning, 9 of 42 days")
    assert found(warehouse) == []


def test_before_there_are_sales_there_is_nothing_to_do(conn: connection, settings: Settings) -> None:
    with pytest.raises(NothingToDo, match="no KPI can be judged yet"):
        watch_kpis(conn, settings, run_id="r1", now=NOW)


def test_a_category_is_judged_by_day(warehouse: connection, settings: Settings) -> None:
    write(warehouse, NORMAL)
    with transaction(warehouse), warehouse.cursor() as cursor:
        cursor.execute(
            """
            update gold.mart_sales_by_category
            set net_amount = net_amount * 0.3, returned_amount = returned_amount * 0.3, line_count = line_count * 0.3
            where category = 'Toys' and sold_date = %s
            """,
            ((NOW - timedelta(days=1)).date(),),
        )
    judge_kpis(warehouse, settings, run_id="r1", now=NOW)
    assert [(one.anomaly.level, one.anomaly.member, one.anomaly.grain) for one in found(warehouse)] == [
        ("category", "Toys", "day")
    ]


def test_a_clock_that_goes_back_loses_no_anomaly(warehouse: connection, settings: Settings) -> None:
    judge_kpis(warehouse, settings, run_id="r1", now=NOW)
    before = [(one.anomaly_id, one.anomaly.of) for one in found(warehouse)]
    judge_kpis(warehouse, settings, run_id="r0", now=NOW - timedelta(days=20))
    judge_kpis(warehouse, settings, run_id="r2", now=NOW)
    assert [of for _, of in before] == [one.anomaly.of for one in found(warehouse)]


def test_a_record_in_quarantine_hides_no_outage(warehouse: connection, settings: Settings) -> None:
    with transaction(warehouse), warehouse.cursor() as cursor:
        cursor.execute(
            "insert into meta.gap (entity, from_id, to_id, status, first_seen_at) "
            "values ('sales', 5, 9, 'OPEN', '2024-12-22 12:00+00')"
        )
    assert len(judge_kpis(warehouse, settings, run_id="r1", now=NOW).new) == 1
