"""The tables of the membership say what plain Python works out from what the departments know."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

import pytest
from psycopg2.extensions import connection

from backend.workbooks.files import days_between
from backend.workbooks.layouts import LAYOUTS, lay_out
from backend.workbooks.settings import WorkbookSettings
from backend.workbooks.truth import Row
from backend.workbooks.workbook import workbook_bytes
from gold import build as gold
from gold import dbt_runner
from gold.dbt_runner import BuildResult
from gold.membership import build_membership
from ingestion.deliveries.collector import collect_deliveries
from loaders.load_table import load_table
from medallion.database import connect, transaction
from medallion.entities.registry import DELIVERED
from medallion.errors import EntityLocked, NothingToDo
from medallion.process.steps import DELIVERIES, MEMBERSHIP
from medallion.settings import PROJECT_ROOT, Settings
from medallion.state.locks import locked, table_lock
from medallion.state.nightly_builds import nightly_builds
from medallion.yaml_files import read_yaml
from quality.why.trace import why
from stack.services.postgres.roles import INGESTION, TRANSFORMATION, WAREHOUSE
from tests import membership_figures as figures
from tests.membership_figures import Known
from tests.postgres_server import PostgresServer
from tests.queries import content_of, execute, rows
from tests.roles import platform

FIRST, LAST = date(2025, 9, 22), date(2025, 12, 17)
SAVED = datetime(2026, 1, 1, tzinfo=timezone.utc)
SAMPLE = WorkbookSettings(members=60, start=FIRST)
ALL = figures.known(SAMPLE, days_between(FIRST, LAST))
FOLDER = PROJECT_ROOT / "dbt" / "models" / "gold" / "membership"
# Columns that no figure is worked out for: keys, which the tests of dbt compare with their dimension, and the build's.
KEYS = {"user_key", "channel_key", "_load_id", "_loaded_at"}


@pytest.fixture
def ours(settings: Settings) -> Settings:
    return settings.model_copy(update={"inbox_settle_seconds": 0})


def deliver(settings: Settings, domain: str, name: str, reported: list[Row]) -> None:
    """Put a file with these rows into the inbox, laid out as its department does."""
    folder = settings.retail_home / "inbox" / domain
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{domain}_{name}.xlsx").write_bytes(workbook_bytes(lay_out(LAYOUTS[domain], reported), SAVED))


def load(conn: connection, settings: Settings, known: Known | None = None) -> None:
    """The steps of a day up to Silver. `known`: with a file of each department that has all of it."""
    if known:
        for domain in DELIVERED:
            deliver(settings, domain, str(FIRST), getattr(known, domain))
    for entity in DELIVERED:
        with suppress(NothingToDo):  # a department that has sent no file yet
            collect_deliveries(conn, settings, subject=entity, run_id="day")
        with suppress(NothingToDo):
            load_table(conn, settings, subject=entity, run_id="day")


def build(conn: connection, settings: Settings) -> BuildResult:
    return build_membership(conn, settings, run_id="day")


def contents(conn: connection) -> dict[str, tuple[Any, ...]]:
    return {table: content_of(conn, table) for table in MEMBERSHIP}


def require_figures(conn: connection, known: Known, tables: Iterable[str] = MEMBERSHIP) -> None:
    """Each table holds what Python works out, row by row."""
    for table in tables:
        name = table.removeprefix("gold.")
        (model,) = read_yaml(FOLDER / f"{name}.yml")["models"]
        columns = ", ".join(one["name"] for one in model["columns"] if one["name"] not in KEYS)
        found, expected = rows(conn, f"select {columns} from {table}"), getattr(figures, name)(known)
        assert len(found) == len(expected) > 0, name
        assert {*found} == {*expected}, name


def first_of_two() -> tuple[Row, Row]:
    """The first two top-ups of a member, on two days, so that the file of the first can come after the second."""
    lives: dict[Any, list[figures.TopUp]] = {}
    for one in figures.top_ups(ALL):
        lives.setdefault(one.row["member_id"], []).append(one)
    return next((life[0].row, life[1].row) for life in lives.values() if len(life) > 1 and life[0].day < life[1].day)


def test_every_table_says_what_python_works_out_of_the_same_reports(conn: connection, ours: Settings) -> None:
    load(conn, ours, ALL)
    built = build(conn, ours)
    assert (built.models, built.warnings) == (len(MEMBERSHIP), ())
    assert built.tests > len(MEMBERSHIP)
    require_figures(conn, ALL)
    logged = "select dataset from meta.load where layer = 'gold' and status = 'SUCCESS' order by dataset"
    assert rows(conn, logged) == [(name.removeprefix("gold."),) for name in sorted(MEMBERSHIP)]
    one = ALL.top_up[0]["top_up_id"]
    traced = why(conn, ours, "top_up", [one], most=1).record
    assert traced is not None
    assert [(row.table, row.values["top_up_id"]) for row in traced.gold] == [("gold.fct_topup", one)]
    day = ALL.post_deduction[0]
    traced = why(conn, ours, "post_deduction", [str(day["business_date"]), day["channel"]], most=1).record
    assert traced is not None
    assert [line.fate for line in traced.lines] == ["WON"]


def test_the_sample_has_what_is_easy_to_get_wrong() -> None:
    """Else a wrong rule would agree with Python about rows that do not occur."""
    changes = [row[4] for row in figures.fct_user_activity(ALL)]
    assert {*changes} == {"first", "same", "upgrade", "downgrade"}
    assert {row[6] for row in figures.fct_topup(ALL)} == {"night", "morning", "afternoon", "evening"}
    assert any(row[3].date() != row[4] for row in figures.fct_topup(ALL))
    assert {row[7] for row in figures.dim_users(ALL)} == {True, False}
    assert sum(row[7] for row in figures.mart_level_changes(ALL)) > 0
    funnel = figures.mart_topup_funnel(ALL)
    assert all(sum(row[place] for row in funnel) > 0 for place in (5, 6, 7, 9, 10, 11))
    assert any(row[8] is None for row in funnel)
    firsts = {one.row["member_id"]: one.day for one in figures.top_ups(ALL) if one.number == 1}
    quick = (one for one in figures.top_ups(ALL) if one.number == 2)
    assert any(firsts[one.row["member_id"]] + figures.DAYS > LAST for one in quick)


@pytest.mark.slow
def test_a_late_file_makes_later_top_ups_repeats_and_changes_no_table_that_does_not_read_it(
    conn: connection, ours: Settings
) -> None:
    first, second = first_of_two()
    late = first["topped_up_at"].date()  # type: ignore[union-attr]
    before = ALL.without("top_up", lambda row: row["topped_up_at"].date() == late)  # type: ignore[union-attr]
    load(conn, ours, before)
    build(conn, ours)
    require_figures(conn, before)
    query = f"select topup_number, is_repeat_topup from gold.fct_topup where top_up_id = '{second['top_up_id']}'"
    assert rows(conn, query) == [(1, False)]
    was = contents(conn)

    deliver(ours, "top_up", str(late), [row for row in ALL.top_up if row["topped_up_at"].date() == late])  # type: ignore[union-attr]
    load(conn, ours)
    build(conn, ours)
    require_figures(conn, ALL)
    assert rows(conn, query) == [(2, True)]
    changed = {table for table, content in contents(conn).items() if content != was[table]}
    assert {"gold.fct_topup", "gold.dim_users", "gold.mart_channel_effectiveness"} <= changed
    assert not changed & {"gold.dim_channels", "gold.fct_user_activity", "gold.mart_deductions"}


@pytest.mark.slow
def test_a_report_that_is_sent_again_replaces_its_rows_and_one_that_is_missing_is_unknown(
    conn: connection, ours: Settings
) -> None:
    """First a report of deductions is a cent off and lacks the last day; its corrected copy has both right."""
    wrong = [dict(row) for row in ALL.post_deduction if row["business_date"] != LAST]
    spent = next(row for row in wrong if row["net_amount"] > 0)  # type: ignore[operator]
    spent["net_amount"] -= Decimal("0.01")  # type: ignore[operator]
    before = Known(ALL.top_up, ALL.pre_deduction, wrong, ALL.op_stats)
    load(conn, ours, before)
    built = build(conn, ours)
    assert len(built.warnings) == 1
    assert "mart_deductions" in built.warnings[0]
    require_figures(conn, before)
    unclear = "select reported_by, count(*), sum(unexplained_amount) from gold.mart_deductions {} group by 1 order by 1"
    found = rows(conn, unclear.format("where is_balanced is not true"))
    assert found == [("both", 1, Decimal("0.01")), ("pre_only", 4, None)]
    was = contents(conn)

    deliver(ours, "post_deduction", f"{FIRST} (2)", ALL.post_deduction)
    load(conn, ours)
    assert build(conn, ours).warnings == ()
    require_figures(conn, ALL)
    changed = {table for table, content in contents(conn).items() if content != was[table]}
    assert changed == {"gold.mart_deductions", "gold.mart_channel_effectiveness"}


@pytest.mark.slow
def test_building_twice_gives_the_same_rows_and_the_rules_hold_on_their_examples(
    conn: connection, ours: Settings
) -> None:
    """The unit tests in the .yml of each model, which no daily run pays for."""
    load(conn, ours, ALL)
    build(conn, ours)
    was = contents(conn)
    build(conn, ours)
    assert contents(conn) == was
    results = dbt_runner.invoke(conn, ours, ["test", "--select", "test_type:unit,tag:membership"], "unit")
    assert [(result.node.name, result.status) for result in results if result.status != "pass"] == []
    written = [one["name"] for file in FOLDER.glob("*.yml") for one in read_yaml(file).get("unit_tests", [])]
    assert sorted(result.node.name for result in results) == sorted(written) != []


@pytest.mark.slow
def test_the_roles_of_the_steps_build_it_where_the_hourly_gold_was_never_built(
    postgres_server: PostgresServer, retail_home: Any
) -> None:
    with platform(postgres_server, retail_home) as made:
        settings = made.settings.model_copy(update={"inbox_settle_seconds": 0})
        with made.login(TRANSFORMATION) as conn, pytest.raises(NothingToDo):
            build(conn, settings)
        with made.login(INGESTION) as conn:
            load(conn, settings, ALL)
        with made.login(TRANSFORMATION) as conn:
            build(conn, settings)
            assert rows(conn, "select to_regclass('gold.sales_item')") == [(None,)]
        with made.login(WAREHOUSE) as conn:
            build(conn, settings)
            assert rows(conn, "select distinct tableowner from pg_tables where tablename = 'fct_topup'") == [
                (TRANSFORMATION,)
            ]
        with made.login("retail_reader") as conn:
            require_figures(conn, ALL, ["gold.mart_topup_funnel"])


def test_before_the_first_delivery_there_is_nothing_to_build(conn: connection, ours: Settings) -> None:
    with pytest.raises(NothingToDo, match="no delivery was loaded yet"):
        build(conn, ours)


def test_no_table_is_read_while_a_load_writes_to_it(conn: connection, database_url: str, ours: Settings) -> None:
    deliver(ours, "top_up", str(FIRST), ALL.top_up)
    load(conn, ours)
    with connect(database_url) as other, locked(other, table_lock("op_stats")), pytest.raises(EntityLocked):
        build(conn, ours)


def test_nothing_is_built_while_a_file_waits_for_silver(conn: connection, ours: Settings) -> None:
    """As after a rebuild in place, which empties Silver: readers keep the tables of all files."""
    deliver(ours, "top_up", str(FIRST), ALL.top_up)
    load(conn, ours)
    execute(conn, "update meta.bronze_file set silver_load_id = null")
    with pytest.raises(EntityLocked, match="Silver is behind Bronze: 1 file of top_up wait"):
        build(conn, ours)


def test_no_other_run_of_dbt_builds_or_tests_the_membership(conn: connection, settings: Settings) -> None:
    dbt_runner.invoke(conn, settings, ["deps"], "ls")

    def listed(*command: str) -> set[str]:
        found = dbt_runner.invoke(conn, settings, ["ls", *command, *gold._NO_UNIT_TESTS], "ls")
        return {one for one in found if ".membership." in one}

    everything = listed("--select", "tag:membership")
    assert {f"gold.{one.rpartition('.')[2]}" for one in everything} > {*MEMBERSHIP}
    hourly = [("--select", *gold._CORE), ("--select", "tag:mart"), ("--select", "tag:nightly")]
    for command in (*hourly, ("--resource-type", "test", *gold._HOURLY_ALONE)):
        assert listed(*command) == set(), command
    assert listed("--resource-type", "test", *gold._MARTS_ALONE) == set()


def test_a_build_of_the_membership_does_not_make_nightly_tables_older(conn: connection) -> None:
    def written(model: str) -> None:
        execute(
            conn,
            "insert into meta.load (run_id, layer, dataset, status, ended_at, rows_read, rows_inserted) "
            f"values ('day', 'gold', '{model}', 'SUCCESS', now(), 1, 1)",
        )

    execute(conn, "create table gold.dim_date (n int); select meta.open_nightly('dim_date', '2026-11-05', 'night')")
    for model, is_current in (("fct_topup", True), ("sales_item", False)):
        written(model)
        with transaction(conn):
            assert [one.is_current for one in nightly_builds(conn)] == [is_current]


def test_the_models_are_those_of_the_step_of_the_day() -> None:
    assert sorted(f"gold.{file.stem}" for file in FOLDER.glob("*.sql")) == sorted(MEMBERSHIP)
    step = next(one for one in DELIVERIES if one.layer == "gold")
    assert step.writes == MEMBERSHIP
    assert {*step.needs} == {step.id for step in DELIVERIES if step.layer == "silver"}
