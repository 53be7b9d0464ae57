"""Silver → Gold: the steps that build and test it.

Tags in the dbt project select what a step builds or tests. `meta.gold_state`, which the models move in their own
transactions, decides what is new. These steps decide whether there is anything to do, and report what failed.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from gold.dashboards import declared_views, outgrown_views
from gold.dbt_runner import BuildResult, built_by, invoke, packages_are_linked
from gold.public_holidays import write_holidays
from gold.results import keep_results
from gold.shapes import outgrown_tables
from medallion.business_date import business_date
from medallion.database import transaction
from medallion.errors import (
    DataQualityError,
    EntityLocked,
    GoldBuildFailed,
    NothingToDo,
    RetailError,
)
from medallion.process.steps import CORE, NIGHTLY_MARTS
from medallion.state.gold_progress import (
    PendingGold,
    RebuildToken,
    close_gold_test,
    gold_rebuild_token,
    gold_rebuild_wanted,
    is_core_tested,
    mark_core_tested,
    mark_gold_core_rebuilt,
    mark_gold_rebuilt,
    open_gold_test,
    pending_gold,
    want_gold_rebuild,
)
from medallion.state.loads import log_failure
from medallion.state.locks import GOLD_BUILD, locked
from medallion.state.nightly_builds import missing_tables, nightly_builds
from medallion.state.reconciliation import is_unbalanced, is_unchecked
from medallion.statements import Statements
from medallion.wording import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from psycopg2.extensions import connection

    from medallion.settings import Settings

log = logging.getLogger(__name__)
_SQL = Statements(__file__)

# Unit tests of the models run when the code changes, not every hour.
_NO_UNIT_TESTS = ("--exclude-resource-type", "unit_test")
# A nightly table is behind the fact by day. What tests one, the build of the nightly tables runs; so with the tables of
# the membership, which are of another day.
_HOURLY_ALONE = ("--exclude", "tag:nightly", "tag:membership")
# Core, with the tests that read nothing else.
_CORE = ("tag:core", "--indirect-selection", "cautious")
# A test of a nightly table is its child: to be cautious here would keep those that read a mart, too.
_MARTS_ALONE = ("--exclude", "tag:nightly+1", "tag:membership+1", *_CORE)
# For the environment of dbt: tests look at all rows (dbt/macros/get_where_subquery.sql).
_ALL_ROWS = {"RETAIL_FULL_TESTS": "yes"}
# The name of the nightly step in the ETL log.
_NIGHTLY = "dbt_run_nightly"
# The calendar ends 400 days after the business date (dbt/macros/calendar.sql); these have its last year.
CALENDAR_AHEAD = timedelta(days=400)


@dataclass(frozen=True)
class BuildPlan:
    """The increments that Gold has to read, and the views for dashboards that it has to build."""

    due: tuple[PendingGold, ...]
    views: tuple[str, ...] = ()

    def summary(self) -> str:
        """One line for a person."""
        what = ", ".join(sorted({one.source_table for one in self.due})) or "everything"
        return f"gold has to take: {what}" + (f"; to build: {', '.join(self.views)}" if self.views else "")


def gold_due(conn: connection) -> list[PendingGold]:
    """What Gold has not read from Silver, or not tested; empty when dbt has nothing to do."""
    with transaction(conn):
        return pending_gold(conn)


def prepare(conn: connection, settings: Settings, *, run_id: str, full_refresh: bool = False) -> BuildPlan:
    """Decide whether there is anything to do, and link dbt's local package if need be (`dbt deps`, without network).

    Sales that are not reconciled or that differ, and a full refresh that did not finish, also count as work. Tables
    that do not have the columns of their models, as after an upgrade, ask for a full refresh, and views for dashboards
    that are not as their models say count as work.
    Raises NothingToDo when Gold has read and tested all of Silver, ConfigurationError when dbt cannot start.
    """
    due, outgrown, views = gold_due(conn), outgrown_tables(conn), outgrown_views(conn)
    if outgrown:
        log.warning("gold: built from the beginning, as its models have other columns now: %s", ", ".join(outgrown))
    with transaction(conn):
        if full_refresh or outgrown:
            want_gold_rebuild(conn)
        unfinished = gold_rebuild_wanted(conn) or is_unbalanced(conn) or is_unchecked(conn)
    if not (due or unfinished or views):
        raise NothingToDo("Gold has taken and tested all of Silver", remedy="nothing to do until the next run")
    if not packages_are_linked(settings):
        try:
            invoke(conn, settings, ["deps"], run_id)
        except RetailError as error:
            _log_failure(conn, run_id, "dbt_deps", error)
            raise
    return BuildPlan(tuple(due), tuple(views))


def build_core(conn: connection, settings: Settings, *, run_id: str, full_refresh: bool = False) -> BuildResult:
    """Build dimensions and facts, and test what the marts have not read yet.

    A core that fails here does not reach the marts. Raises GoldBuildFailed or DataQualityError.
    """
    command = ["build", "--select", *_CORE, *_NO_UNIT_TESTS]
    request = _requested(conn)
    built = _step(conn, settings, command + _refresh(request, full_refresh), run_id, "dbt_run_core")
    with transaction(conn):
        if _SQL.one(conn, "fact_is_built")[0]:
            built = replace(built, repointed=_SQL.one(conn, "repointed_lines")[0])
        mark_core_tested(conn, CORE, run_id)
        if request:
            mark_gold_core_rebuilt(conn, request)
    if built.repointed:
        log.info("gold: %s re-pointed by late versions", counted(built.repointed, "line"))
    return built


def build_mart(
    conn: connection, settings: Settings, *, run_id: str, full_refresh: bool = False, now: datetime | None = None
) -> BuildResult:
    """Build the marts from the tested core. Raises GoldBuildFailed.

    With them, the views for dashboards that are missing or outgrown, in a full refresh all of them.
    Then, with a clock, those nightly models that have no table of their shape yet, in a full refresh all of them. If
    one of them or its tests fail, that is a warning: the nightly run owns them and fails likewise, while the hour goes
    on. A requested rebuild is done when core and marts were built for it: a request made after the core began waits
    for the next run.
    """
    request = _requested(conn)
    refresh = _refresh(request, full_refresh)
    views = declared_views() if refresh else outgrown_views(conn)
    built = _step(conn, settings, ["run", "--select", "tag:mart", *views, *refresh], run_id, "dbt_run_mart")
    if request and request.is_core_built:
        with transaction(conn):
            mark_gold_rebuilt(conn, request)
    nightly = list(NIGHTLY_MARTS) if refresh else _unbuilt_nightly(conn)
    if now and nightly:
        try:
            built += _write_and_build(conn, settings, nightly, _newest_date(conn, now), run_id)
        except (GoldBuildFailed, DataQualityError) as error:
            warning = f"the nightly tables failed, and wait for the nightly run: {error.message}"
            log.warning("gold: %s", warning)
            built += BuildResult(0, 0, (warning,))
    return built


def check_gold(conn: connection, settings: Settings, *, run_id: str) -> BuildResult:
    """Run every data test on what was built since the tests last passed. Raises DataQualityError.

    Tests of core are left out if they passed when core was built and no build of it has followed.
    """
    with transaction(conn):
        open_gold_test(conn)
        left_out = _MARTS_ALONE if is_core_tested(conn, CORE) else _HOURLY_ALONE
    built = _step(conn, settings, ["test", *left_out, *_NO_UNIT_TESTS], run_id, "dbt_test")
    with transaction(conn):
        close_gold_test(conn)
    return built


def check_all_gold(conn: connection, settings: Settings, *, run_id: str) -> BuildResult:
    """Run every data test of core and marts on all rows, whenever they were built.

    Raises DataQualityError; NothingToDo before the first build; EntityLocked, which is worth another try, while an
    hourly run builds Gold: core and marts are then at different states.
    """
    with locked(conn, GOLD_BUILD):
        _require_settled(conn, settings, run_id)
        command = ["test", *_HOURLY_ALONE, *_NO_UNIT_TESTS]
        return _step(conn, settings, command, run_id, "dbt_test_all", _ALL_ROWS)


def build_nightly(
    conn: connection, settings: Settings, *, run_id: str, now: datetime, as_of: date | None = None
) -> BuildResult:
    """Build the nightly models as of the last day that is complete at `now`, and run the tests that read one of them.

    An older run that is tried again builds them as of the day that they have reached: they go back only to an `as_of`,
    another business date that a person asks for. Raises GoldBuildFailed or DataQualityError; NothingToDo before the
    first build of Gold; EntityLocked, which is worth another try, while Gold is behind Silver or not tested.
    """
    with locked(conn, GOLD_BUILD):
        _require_settled(conn, settings, run_id)
        return _write_and_build(conn, settings, NIGHTLY_MARTS, as_of or _newest_date(conn, now), run_id)


def _newest_date(conn: connection, now: datetime) -> date:
    """The last day that is complete at `now`, or the last business date of a nightly table if that is later."""
    with transaction(conn):
        return max([business_date(now), *(one.business_date for one in nightly_builds(conn))])


def _write_and_build(
    conn: connection, settings: Settings, tables: Sequence[str], as_of: date, run_id: str
) -> BuildResult:
    """Write the public holidays, then build these nightly tables."""
    with locked(conn, GOLD_BUILD):
        try:
            warnings = write_holidays(conn, as_of + CALENDAR_AHEAD)
        except RetailError as error:
            _log_failure(conn, run_id, _NIGHTLY, error)
            raise
        return BuildResult(0, 0, warnings) + build_nightly_as_of(conn, settings, tables, as_of, run_id=run_id)


def build_nightly_as_of(
    conn: connection,
    settings: Settings,
    tables: Sequence[str],
    as_of: date,
    *,
    run_id: str,
) -> BuildResult:
    """Build these nightly tables for a business date, with the nightly tables that they read, and run their tests.

    A table that is read may be of another business date, so it is built again first. A test that reads a further
    nightly table runs only if all are built. The holidays stay as they are. Raises GoldBuildFailed or DataQualityError.
    """
    are_all = {*tables} >= {*NIGHTLY_MARTS}
    select = ["tag:nightly"] if are_all else [f"+{name.removeprefix('gold.')},tag:nightly" for name in tables]
    tests = ["--indirect-selection", "eager" if are_all else "buildable", *_NO_UNIT_TESTS]
    passed = {"RETAIL_BUSINESS_DATE": as_of.isoformat(), **_ALL_ROWS}
    return _step(conn, settings, ["build", "--select", *select, *tests], run_id, _NIGHTLY, passed)


def build_whole(conn: connection, settings: Settings, select: Sequence[str], *, run_id: str, task: str) -> BuildResult:
    """Build the selected models, which take no increments, and run their tests on all rows.

    They need neither core nor marts. `task` is the step's name in the ETL log. Raises GoldBuildFailed, DataQualityError
    or EntityLocked.
    """
    _link_packages(conn, settings, run_id)
    return _step(conn, settings, ["build", "--select", *select, *_NO_UNIT_TESTS], run_id, task, _ALL_ROWS)


def _unbuilt_nightly(conn: connection) -> list[str]:
    """The nightly tables that do not exist, or that do not have the columns of their models."""
    with transaction(conn):
        missing = missing_tables(conn, NIGHTLY_MARTS)
    return missing + outgrown_tables(conn, ["nightly"])


def _require_settled(conn: connection, settings: Settings, run_id: str) -> None:
    """Raise unless Gold was built and has taken and tested all of Silver; link dbt's local package if need be."""
    if not _is_built(conn):
        raise NothingToDo("Gold was not built yet", remedy="nothing to do until the first hourly run has ended")
    if gold_due(conn):
        raise EntityLocked("Gold is behind Silver: an hourly run is under way", remedy="try again once it has ended")
    _link_packages(conn, settings, run_id)


def _link_packages(conn: connection, settings: Settings, run_id: str) -> None:
    """Link dbt's local package if need be."""
    if not packages_are_linked(settings):
        invoke(conn, settings, ["deps"], run_id)


def _is_built(conn: connection) -> bool:
    with transaction(conn), conn.cursor() as cursor:
        cursor.execute("select to_regclass('gold.mart_sales_by_customer') is not null")
        return cursor.fetchone() == (True,)


def _requested(conn: connection) -> RebuildToken | None:
    """The open request for a rebuild, of this run or of a run that did not finish."""
    with transaction(conn):
        return gold_rebuild_token(conn)


def _refresh(request: RebuildToken | None, full_refresh: bool) -> list[str]:  # noqa: FBT001 - the flag's own name
    return ["--full-refresh"] if full_refresh or request else []


def _step(
    conn: connection,
    settings: Settings,
    command: list[str],
    run_id: str,
    task: str,
    passed: Mapping[str, str] | None = None,
) -> BuildResult:
    """Run a dbt command that has results, and keep them; a failure goes to the ETL log under the task's name."""
    try:
        with locked(conn, GOLD_BUILD):
            results = invoke(conn, settings, command, run_id, passed)
        keep_results(conn, results, run_id=run_id, step=task, days=settings.result_retention_days)
        built = built_by(results)
    except RetailError as error:
        _log_failure(conn, run_id, task, error)
        raise
    log.log(logging.WARNING if built.warnings else logging.INFO, "%s", built.summary())
    return built


def _log_failure(conn: connection, run_id: str, task: str, error: RetailError) -> None:
    with transaction(conn):
        log_failure(conn, run_id=run_id, layer="gold", dataset=task, error=error)
