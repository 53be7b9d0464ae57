"""Open incidents for `./retail status`: read from the warehouse, printed for a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import psycopg2

from loaders.config import PROJECT_ROOT
from loaders.database import connect, transaction
from loaders.hour import absence

if TYPE_CHECKING:
    from rich.console import Console

    from stack.metadata import DagRun

_STATEMENT = PROJECT_ROOT / "stack" / "sql" / "incidents.sql"


@dataclass(frozen=True)
class OpenIncident:
    """What is wrong at this moment. `load_id` is the batch, None when the step had none yet."""

    dag_id: str
    task_id: str
    entity: str
    opened_at: datetime
    last_seen_at: datetime
    times: int
    run_id: str
    load_id: int | None
    cause: str
    remedy: str


def read_incidents(database_url: str) -> tuple[OpenIncident, ...]:
    """The open ones, oldest first; none while the table is not there yet. Raises DatabaseError."""
    with connect(database_url, application_name="retail status") as conn, transaction(conn), conn.cursor() as cursor:
        try:
            cursor.execute(_STATEMENT.read_text(encoding="utf-8"))
        except psycopg2.errors.UndefinedTable:
            conn.rollback()
            return ()
        return tuple(OpenIncident(*row) for row in cursor.fetchall())


def overdue(last_run: DagRun | None, deadline_minutes: float) -> str | None:
    """Why an hour is missing while a scheduler runs, as Airflow's own record has it."""
    began = last_run.started_at if last_run else None
    return absence(datetime.now(timezone.utc), began, deadline_minutes)


def print_incidents(incidents: tuple[OpenIncident, ...], console: Console) -> None:
    """Three lines for each: what and since when, why, what to do."""
    for one in incidents:
        batch = f", batch {one.load_id}" if one.load_id is not None else ""
        times = "once" if one.times == 1 else f"{one.times} times"
        since = f"since {one.opened_at:%Y-%m-%d %H:%M} UTC, {times}{batch}"
        console.print(f"incident: {one.entity} ({one.dag_id} {one.task_id}) {since}", style="red", markup=False)
        console.print(f"     why: {one.cause}", markup=False)
        console.print(f"      do: {one.remedy}", markup=False)
