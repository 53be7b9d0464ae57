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
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medallion.database import transaction
from medallion.errors import (
    ConfigurationError,
    EntityLocked,
    GoldBuildFailed,
    GoldTestsFailed,
    NothingToDo,
    RetailError,
)
from medallion.private_files import make_private, private_files
from medallion.settings import PROJECT_ROOT
from medallion.state.gold_progress import (
    PendingGold,
    RebuildToken,
    close_gold_test,
    gold_core_rebuilt,
    gold_rebuild_token,
    gold_rebuild_wanted,
    gold_rebuilt,
    open_gold_test,
    pending_gold,
    want_gold_rebuild,
)
from medallion.state.loads import log_failure
from medallion.state.locks import GOLD_BUILD, locked
from medallion.state.reconciliation import is_unbalanced, is_unchecked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection

    from medallion.settings import Settings

log = logging.getLogger(__name__)

PROJECT_DIR = PROJECT_ROOT / "dbt"
# Rules of the models are proved by unit tests when the code changes, not every hour.
_NO_UNIT_TESTS = ("--exclude-resource-type", "unit_test")
# Writing the manifest, twice a command, takes as long as everything else of a small one. `./retail docs` writes it.
_NO_ARTIFACTS = ("--no-write-json",)


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
    wish = _wish(conn)
    built = _step(conn, settings, command + _refresh(wish, full_refresh), run_id, "dbt_run_core")
    if wish:
        with transaction(conn):
            gold_core_rebuilt(conn, wish)
    return built


def build_mart(conn: connection, settings: Settings, *, run_id: str, full_refresh: bool = False) -> Built:
    """Build the marts from the tested core. Raises GoldBuildFailed.

    A wish for a rebuild is fulfilled when core and marts were built for it: one that was asked since the core began
    waits for the next run.
    """
    wish = _wish(conn)
    command = ["run", "--select", "tag:mart", *_refresh(wish, full_refresh)]
    built = _step(conn, settings, command, run_id, "dbt_run_mart")
    if wish and wish.is_core_built:
        with transaction(conn):
            gold_rebuilt(conn, wish)
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
    return Path(dbt_state(settings.retail_home)["RETAIL_DBT_PACKAGES_PATH"])


def _is_built(conn: connection) -> bool:
    with transaction(conn), conn.cursor() as cursor:
        cursor.execute("select to_regclass('gold.mart_sales_by_customer') is not null")
        return cursor.fetchone() == (True,)


def _wish(conn: connection) -> RebuildToken | None:
    """The wish for a rebuild, of this run or of one that did not get to its end."""
    with transaction(conn):
        return gold_rebuild_token(conn)


def _refresh(wish: RebuildToken | None, full_refresh: bool) -> list[str]:  # noqa: FBT001 - the flag's own name
    return ["--full-refresh"] if full_refresh or wish else []


def _step(conn: connection, settings: Settings, command: list[str], run_id: str, task: str) -> Built:
    """Run a command that has results; a failure goes to the ETL log under the task's name."""
    try:
        with locked(conn, GOLD_BUILD):
            built = _built(_invoke(conn, settings, command, run_id))
    except RetailError as error:
        _log_failure(conn, run_id, task, error)
        raise
    log.log(logging.WARNING if built.warnings else logging.INFO, "%s", built.summary())
    return built


def _invoke(conn: connection, settings: Settings, command: list[str], run_id: str) -> Any:
    from dbt.cli.main import dbtRunner  # noqa: PLC0415 - two seconds that only Gold should pay

    arguments = [*_NO_ARTIFACTS, *command, "--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR)]
    make_private(settings.retail_home / "dbt")  # its logs and results repeat rows
    with private_files(), _environment(dbt_environment(conn, settings) | {"RETAIL_RUN_ID": run_id}):
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
    return {
        "RETAIL_PG_HOST": info.host,
        "RETAIL_PG_PORT": str(info.port),
        "RETAIL_PG_USER": info.user,
        "RETAIL_PG_PASSWORD": info.password or "",
        "RETAIL_PG_DATABASE": info.dbname,
        "RETAIL_PG_ROLE": role_of_dbt(conn),
        **{f"PG{name.upper()}": value for name in _TLS if (value := info.dsn_parameters.get(name))},
        **dbt_state(settings.retail_home),
    }


def dbt_state(retail_home: Path) -> dict[str, str]:
    """Where dbt keeps what it builds, logs and links, as it reads it from the environment."""
    return {
        "DBT_TARGET_PATH": str(retail_home / "dbt" / "target"),
        "DBT_LOG_PATH": str(retail_home / "dbt" / "logs"),
        "RETAIL_DBT_PACKAGES_PATH": str(retail_home / "dbt" / "packages"),
    }


def role_of_dbt(conn: connection) -> str:
    """The role that dbt takes on after its login, so that a trigger in Gold does not run as the owner; empty: none."""
    with transaction(conn), conn.cursor() as cursor:
        cursor.execute(_ROLE_OF_DBT)
        found = cursor.fetchone()
    return str(found[0]) if found else ""


_ROLE_OF_DBT = """
    select rolname from pg_roles
    where rolname = 'retail_transformation' and rolname <> current_user and pg_has_role(oid, 'SET')
    and has_schema_privilege(rolname, 'gold', 'CREATE') and has_schema_privilege(rolname, 'meta', 'USAGE')
"""

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
        raise GoldBuildFailed(models=_names(broken), reason=_reason(broken[0]))
    if failed:
        raise GoldTestsFailed(tests=_names(failed), reason=_reason(failed[0]))
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
