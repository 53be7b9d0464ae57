"""`./retail pull`, `load`, `nightly`, `retention` and `schema`: one step by hand.

They start services if need be, and call the functions of the steps under the owner's login, with a run id that begins
with `manual__`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gold.build import build_nightly as nightly_step
from medallion.bronze.retention import expire_bronze
from medallion.database import connect
from medallion.errors import NothingToDo
from medallion.process.step import hand_run_id
from medallion.process.steps import FILE_LOADS, FILE_PULLS, LOADS, PULLS, functions_of
from medallion.schema import pending_migrations, prepare_schema
from stack.commands.last_report import save_before_stop
from stack.commands.rebuild import dbt_speaks_to_its_log
from stack.services.warehouse import platform, warehouse, with_source

if TYPE_CHECKING:
    from datetime import date, datetime

    from gold.dbt_runner import BuildResult
    from medallion.bronze.retention import RetentionResult
    from stack.host.console import Talk
    from stack.host.home import Home
    from stack.host.settings import StackSettings


@dataclass(frozen=True)
class SchemaState:
    """The migration that the warehouse is at, those that are pending, and those that were applied now."""

    at: str | None
    pending: tuple[str, ...]
    applied: tuple[str, ...] = ()

    def summary(self) -> str:
        """One line for a person."""
        now = f", applied now: {', '.join(self.applied)}" if self.applied else ""
        to_come = f", pending: {', '.join(self.pending)}" if self.pending else ""
        return f"the warehouse is at {self.at or 'no migration'}{now}{to_come}"


def pull(home: Home, settings: StackSettings, talk: Talk, entity: str, now: datetime, *, full_refresh: bool) -> str:
    """Pull what is new of one entity into Bronze. Returns what it brought. `now` dates the saved report.

    `full_refresh` then pulls all history again. Raises as the entity's step.
    """
    step = next(one for one in (*PULLS, *FILE_PULLS) if one.entity == entity)
    with platform(home, settings, talk) as endpoints, connect(endpoints.database_url) as conn:
        prepare_schema(conn)
        said = []
        for call in functions_of(step):
            more = {"full_refresh": True} if full_refresh else {}
            try:
                said.append(call(conn, with_source(settings, endpoints), run_id=hand_run_id(), **more).summary())
            except NothingToDo as nothing:
                said.append(nothing.message)
        save_before_stop(home, endpoints.database_url, now)
    return "\n".join(said)


def load(home: Home, settings: StackSettings, talk: Talk, dataset: str | None, now: datetime) -> list[str]:
    """Load new Bronze files into one table of Silver, by default into all. Returns what each load did.

    `now` dates the saved report.
    """
    steps = [step for step in (*LOADS, *FILE_LOADS) if dataset is None or f"silver.{dataset}" in step.writes]
    with warehouse(home, settings, talk) as url, connect(url) as conn:
        prepare_schema(conn)
        calls = [call for step in steps for call in functions_of(step)]
        said = [call(conn, settings, run_id=hand_run_id()).summary() for call in calls]
        save_before_stop(home, url, now)
    return said


def build_nightly(
    home: Home, settings: StackSettings, talk: Talk, now: datetime, as_of: date | None = None
) -> BuildResult:
    """Build the nightly tables of Gold for a business date, by default the last complete day. Raises as the step."""
    with warehouse(home, settings, talk) as url, connect(url) as conn, dbt_speaks_to_its_log(home):
        prepare_schema(conn)
        return nightly_step(conn, settings, run_id=hand_run_id(), now=now, as_of=as_of)


def expire(home: Home, settings: StackSettings, talk: Talk) -> RetentionResult | None:
    """Remove old Bronze files as the nightly run does; None where no retention is set. Raises as `expire_bronze`."""
    with warehouse(home, settings, talk) as url, connect(url) as conn:
        prepare_schema(conn)
        try:
            return expire_bronze(conn, settings, run_id=hand_run_id())
        except NothingToDo:
            return None


def read_schema(home: Home, settings: StackSettings, talk: Talk) -> SchemaState:
    """The migrations of the warehouse. Changes nothing. Raises MigrationRefused."""
    with warehouse(home, settings, talk) as url, connect(url) as conn:
        return SchemaState(*pending_migrations(conn))


def apply_schema(home: Home, settings: StackSettings, talk: Talk) -> SchemaState:
    """Apply missing migrations, then functions, views and grants. Raises MigrationRefused."""
    with warehouse(home, settings, talk) as url, connect(url) as conn:
        applied = prepare_schema(conn, even_if_unchanged=True)
        return SchemaState(*pending_migrations(conn), applied)
