"""Silver → Gold: dbt, called inside the process that asks for it.

dbt's own start (imports, parsing) costs more than an hour's models, so it is paid once per process and not
once per command. What a command builds or tests is chosen by tags in the dbt project; what is new is decided
by `meta.gold_state`, which the models move in their own transactions. This module decides whether there is
anything to do, runs dbt, and turns its results into one clear error.

dbt is imported inside the function that runs it: nothing that merely imports the pipeline pays for it.
"""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loaders.config import PROJECT_ROOT
from loaders.database import transaction
from loaders.errors import ConfigurationError, DataQualityError, EntityLocked, NothingToDo, RetailError
from loaders.reconciliation import is_unbalanced, is_unchecked
from loaders.state_store import (
    PendingGold,
    close_gold_test,
    gold_rebuild_wanted,
    gold_rebuilt,
    locked,
    log_failure,
    open_gold_test,
    pending_gold,
    want_gold_rebuild,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from psycopg2.extensions import connection

    from loaders.config import Settings

log = logging.getLogger(__name__)

PROJECT_DIR = PROJECT_ROOT / "dbt"
# Rules of the models are proved by unit tests when the code changes, not every hour.
_NO_UNIT_TESTS = ("--exclude-resource-type", "unit_test")


@dataclass(frozen=True)
class Built:
    """What one dbt command did; `warnings` name what to look at."""

    models: int
    tests: int
    warnings: tuple[str, ...]

    def summary(self) -> str:
        """One line for a person."""
        warned = f", {len(self.warnings)} warnings: {'; '.join(self.warnings)}" if self.warnings else ""
        return f"gold: {self.models} models built, {self.tests} tests passed{warned}"


@dataclass(frozen=True)
class Prepared:
    """What Gold has to take."""

    due: tuple[PendingGold, ...]

    def summary(self) -> str:
        """One line for a person."""
        return "gold has to take: " + (", ".join(sorted({one.source_table for one in self.due})) or "everything")


class GoldBuildFailed(RetailError):
    """dbt could not build a model; what readers saw before is still there."""


def gold_due(conn: connection) -> list[PendingGold]:
    """What Gold has not yet taken from Silver or tested; empty when dbt has nothing to do."""
    with transaction(conn):
        return pending_gold(conn)


def prepare(conn: connection, settings: Settings, *, run_id: str, full_refresh: bool = False) -> Prepared:
    """Decide whether there is anything to do, and link dbt's local package if need be (`dbt deps`, without network).

    Sales that reconciliation has not seen, or found to differ, keep the steps going, and so does a full refresh that
    was begun: a later hour must neither hide the one nor forget the other.
    Raises NothingToDo when Gold has taken and tested all of Silver, ConfigurationError when dbt cannot start.
    """
    due = gold_due(conn)
    with transaction(conn):
        if full_refresh:
            want_gold_rebuild(conn)
        unfinished = gold_rebuild_wanted(conn) or is_unbalanced(conn) or is_unchecked(conn)
    if not (due or unfinished):
        raise NothingToDo("Gold has taken and tested all of Silver", remedy="nothing to do until the next hour")
    if not _packages_are_linked(settings):
        try:
            _invoke(conn, settings, ["deps"], run_id)
        except RetailError as error:
            _log_failure(conn, run_id, "dbt_deps", error)
            raise
    return Prepared(tuple(due))


def build_core(conn: connection, settings: Settings, *, run_id: str, full_refresh: bool = False) -> Built:
    """Build dimensions and facts, and test what the marts have not taken yet.

    A core that fails here has not reached the marts. Raises GoldBuildFailed or DataQualityError.
    """
    command = ["build", "--select", "tag:core", "--indirect-selection", "cautious", *_NO_UNIT_TESTS]
    return _step(conn, settings, command + _refresh(conn, full_refresh), run_id, "dbt_run_core")


def build_mart(conn: connection, settings: Settings, *, run_id: str, full_refresh: bool = False) -> Built:
    """Build the marts from the tested core. Raises GoldBuildFailed."""
    command = ["run", "--select", "tag:mart"]
    refresh = _refresh(conn, full_refresh)
    built = _step(conn, settings, command + refresh, run_id, "dbt_run_mart")
    if refresh:
        with transaction(conn):
            gold_rebuilt(conn)
    return built


def check_gold(conn: connection, settings: Settings, *, run_id: str) -> Built:
    """Run every data test on what was built since the tests last passed. Raises DataQualityError."""
    with transaction(conn):
        open_gold_test(conn)
    built = _step(conn, settings, ["test", *_NO_UNIT_TESTS], run_id, "dbt_test")
    with transaction(conn):
        close_gold_test(conn)
    return built


def check_all_gold(conn: connection, settings: Settings, *, run_id: str) -> Built:
    """Run every data test on all rows, whenever they were built.

    Raises DataQualityError; NothingToDo before the first build; EntityLocked, which is worth another try, while an
    hour is on its way through Gold: core and mart do not belong together then.
    """
    if not _is_built(conn):
        raise NothingToDo("Gold was not built yet", remedy="nothing to do until the first hour has ended")
    if gold_due(conn):
        raise EntityLocked("Gold is behind Silver: an hour is on its way", remedy="try again once it has ended")
    if not _packages_are_linked(settings):
        _invoke(conn, settings, ["deps"], run_id)
    command = ["test", *_NO_UNIT_TESTS, "--vars", "{full_tests: true}"]
    return _step(conn, settings, command, run_id, "dbt_test_all")


def _packages_are_linked(settings: Settings) -> bool:
    """Whether dbt finds our local packages where it looks for them; a link to a folder is never out of date."""
    installed = _packages_folder(settings)
    return all((installed / one.name).resolve() == one.resolve() for one in (PROJECT_DIR / "packages").iterdir())


def _packages_folder(settings: Settings) -> Path:
    return settings.retail_home / "dbt" / "packages"


def _is_built(conn: connection) -> bool:
    with transaction(conn), conn.cursor() as cursor:
        cursor.execute("select to_regclass('gold.mart_sales_by_customer') is not null")
        return cursor.fetchone() == (True,)


def _refresh(conn: connection, full_refresh: bool) -> list[str]:  # noqa: FBT001 - a private word for the flag's name
    """The flag, when this run or one that did not get to its end was told to build from the beginning."""
    with transaction(conn):
        wanted = full_refresh or gold_rebuild_wanted(conn)
    return ["--full-refresh"] if wanted else []


def _step(conn: connection, settings: Settings, command: list[str], run_id: str, task: str) -> Built:
    """Run a command that has results; a failure goes to the ETL log under the task's name."""
    try:
        with locked(conn, "gold", "build"):
            built = _built(_invoke(conn, settings, command, run_id))
    except RetailError as error:
        _log_failure(conn, run_id, task, error)
        raise
    log.log(logging.WARNING if built.warnings else logging.INFO, "%s", built.summary())
    return built


def _invoke(conn: connection, settings: Settings, command: list[str], run_id: str) -> Any:
    from dbt.cli.main import dbtRunner  # noqa: PLC0415 - two seconds that only Gold should pay

    arguments = [*command, "--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR)]
    with _environment(dbt_environment(conn, settings) | {"RETAIL_RUN_ID": run_id}):
        outcome = dbtRunner().invoke(arguments)
    if outcome.exception is not None:
        raise ConfigurationError(
            f"dbt {command[0]} did not start: {outcome.exception}",
            remedy="mend the dbt project; see it with: ./retail doctor",
        ) from outcome.exception
    return outcome.result


def dbt_environment(conn: connection, settings: Settings) -> dict[str, str]:
    """What `dbt/profiles.yml` and `dbt_project.yml` read: the warehouse, and where dbt keeps its state."""
    info = conn.info
    state = settings.retail_home / "dbt"
    return {
        "RETAIL_PG_HOST": info.host,
        "RETAIL_PG_PORT": str(info.port),
        "RETAIL_PG_USER": info.user,
        "RETAIL_PG_PASSWORD": info.password or "",
        "RETAIL_PG_DATABASE": info.dbname,
        **{f"PG{name.upper()}": value for name in _TLS if (value := info.dsn_parameters.get(name))},
        "DBT_TARGET_PATH": str(state / "target"),
        "DBT_LOG_PATH": str(state / "logs"),
        "RETAIL_DBT_PACKAGES_PATH": str(_packages_folder(settings)),
    }


# Read by libpq itself, which dbt's driver is built on.
_TLS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl")


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Give dbt these values for the time of one command: its profile reads nothing but the environment."""
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _built(results: Any) -> Built:
    """Count what passed; raise for what did not, a broken model before a failed test."""
    failed = [result for result in results if result.status in ("error", "fail", "runtime error")]
    broken = [result for result in failed if result.node.resource_type == "model"]
    if broken:
        raise GoldBuildFailed(
            f"dbt could not build {_names(broken)}: {_reason(broken[0])}",
            remedy="readers keep the last good version; mend the model, the next run catches up",
        )
    if failed:
        raise DataQualityError(
            f"dbt tests failed: {_names(failed)}: {_reason(failed[0])}",
            remedy="look at the failing rows with the test's compiled SQL; the next run tests them again",
        )
    models = sum(result.node.resource_type == "model" for result in results)
    warned = tuple(f"{r.node.name}: {_reason(r)}" for r in results if r.status == "warn")
    return Built(models, len(results) - models, warned)


def _names(results: list[Any]) -> str:
    return ", ".join(result.node.name for result in results)


def _reason(result: Any) -> str:
    """Why, without the row that Postgres shows as DETAIL: it may be a customer's, and errors are read by many."""
    what, _, detail = str(result.message or result.status).partition("DETAIL:")
    where = detail[detail.find("compiled code at") :] if "compiled code at" in detail else ""
    return " ".join(f"{what} {where}".split())


def _log_failure(conn: connection, run_id: str, task: str, error: RetailError) -> None:
    with transaction(conn):
        log_failure(conn, run_id=run_id, layer="gold", dataset=task, error=error)
