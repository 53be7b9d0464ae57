"""Open incidents for `./retail status`: read from the warehouse, printed for a person.

After `./retail run` the warehouse of the platform is stopped, and the status starts nothing. So the command that stops
it saves the incidents that are open at that moment, and the status shows them until the warehouse runs again.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2

from medallion.alerting.deadline import missed_run_reason
from medallion.database import connect, transaction
from medallion.errors import DatabaseError
from medallion.foreign_text import escaped
from stack.host.home import write_private

if TYPE_CHECKING:
    from rich.console import Console

    from stack.host.home import Home
    from stack.services.airflow.metadata import DagRun

_LOCK_TIMEOUT = "set local lock_timeout to '5s'"  # a person is waiting, or a command that is about to end
_STATEMENT = Path(__file__).with_suffix(".sql")


@dataclass(frozen=True)
class OpenIncident:
    """An open incident. `load_id` is the load, None when the step had none yet."""

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
    """Open incidents, oldest first; none while the table does not exist yet. Raises DatabaseError."""
    with connect(database_url, application_name="retail status") as conn, transaction(conn), conn.cursor() as cursor:
        try:
            cursor.execute(_LOCK_TIMEOUT)
            cursor.execute(_STATEMENT.read_text(encoding="utf-8"))
        except psycopg2.errors.UndefinedTable:
            conn.rollback()
            return ()
        return tuple(OpenIncident(*row) for row in cursor.fetchall())


@dataclass(frozen=True)
class SavedIncidents:
    """Incidents that were open when the warehouse was stopped, and when that was."""

    stopped_at: datetime
    incidents: tuple[OpenIncident, ...]


def keep_incidents(home: Home, database_url: str, now: datetime) -> None:
    """Save the open incidents of a warehouse that is about to be stopped. Raises nothing: it is stopped anyway."""
    with suppress(DatabaseError, OSError):
        content = {"stopped_at": now, "incidents": [asdict(one) for one in read_incidents(database_url)]}
        write_private(_kept_file(home), json.dumps(content, indent=2, default=lambda moment: moment.isoformat()) + "\n")


def kept_incidents(home: Home) -> SavedIncidents | None:
    """The incidents that were open when the warehouse was stopped; None when none were saved."""
    try:
        content = json.loads(_kept_file(home).read_text(encoding="utf-8"))
        found = tuple(_open_incident(one) for one in content["incidents"])
        return SavedIncidents(datetime.fromisoformat(content["stopped_at"]), found)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def overdue(now: datetime, last_run: DagRun | None, deadline_minutes: float) -> str | None:
    """Why an hourly run is missing while a scheduler runs, by Airflow's own record; None when none is."""
    began = last_run.started_at if last_run else None
    return missed_run_reason(now, began, deadline_minutes)


def print_incidents(incidents: tuple[OpenIncident, ...], console: Console) -> None:
    """Print three lines for each: what and since when, why, what to do."""
    for one in incidents:
        load = f", load {one.load_id}" if one.load_id is not None else ""
        times = "once" if one.times == 1 else f"{one.times} times"
        since = f"since {one.opened_at:%Y-%m-%d %H:%M} UTC, {times}{load}"
        console.print(f"incident: {one.entity} ({one.dag_id} {one.task_id}) {since}", style="red", markup=False)
        console.print(f"     why: {escaped(one.cause)}", markup=False)
        console.print(f"      do: {escaped(one.remedy)}", markup=False)


def _kept_file(home: Home) -> Path:
    return home.path / "incidents.json"


def _open_incident(kept: dict[str, Any]) -> OpenIncident:
    moments = {name: datetime.fromisoformat(kept[name]) for name in ("opened_at", "last_seen_at")}
    return OpenIncident(**kept | moments)
