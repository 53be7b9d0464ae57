"""Runs and tasks in Airflow's metadata database, read in SQL.

Reading it costs a few milliseconds; Airflow's own command line costs seconds per call. Only columns that have existed
for many versions are read, and nothing is ever written.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from sqlalchemy import DateTime, bindparam, create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from medallion.database import first_line
from medallion.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

FINISHED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})
BROKEN = frozenset({"failed", "upstream_failed"})
_MOMENT = DateTime(timezone=True)


@dataclass(frozen=True)
class TaskState:
    """A task of one run. `seconds` is the time of its last try so far, `tries` the number of that try."""

    task_id: str
    state: str | None
    started_at: datetime | None
    seconds: float
    tries: int = 1
    most_tries: int = 1

    @property
    def finished(self) -> bool:
        """Whether its state is final."""
        return self.state in FINISHED


@dataclass(frozen=True)
class DagRun:
    """One run of the DAG. `state` is queued, running, success or failed."""

    run_id: str
    state: str
    started_at: datetime | None
    ended_at: datetime | None


class Metadata:
    """Airflow's metadata database at `url`."""

    def __init__(self, url: str) -> None:
        self._engine = create_engine(url, poolclass=NullPool)

    def revision(self) -> str | None:
        """The version of its tables, None before they exist."""
        try:
            with self._engine.connect() as conn:
                return str(conn.execute(text("select version_num from alembic_version")).scalar_one())
        except SQLAlchemyError:
            return None

    def find_run(self, dag_id: str, *, logical_date: datetime) -> DagRun | None:
        """The run of that logical date."""
        condition = "dag_id = :dag_id and logical_date = :logical_date"
        runs = self._runs(condition, {"dag_id": dag_id, "logical_date": logical_date})
        return runs[0] if runs else None

    def last_run(self, dag_id: str) -> DagRun | None:
        """The run that was created last, by Airflow's counter: times do not order runs where a clock jumped back."""
        runs = self._runs("dag_id = :dag_id and start_date is not null", {"dag_id": dag_id})
        return runs[0] if runs else None

    def tasks(self, dag_id: str, run_id: str) -> list[TaskState]:
        """The run's tasks in the order in which they ended; tasks that have not begun come last."""
        rows = self._rows(
            "select task_id, state, start_date, end_date, try_number, max_tries from task_instance "
            "where dag_id = :dag_id and run_id = :run_id",
            {"dag_id": dag_id, "run_id": run_id},
            "start_date",
            "end_date",
        )
        ordered = sorted(rows, key=lambda row: (row[3] is None, str(row[3]), row[0]))
        return [
            TaskState(row[0], row[1], _utc(row[2]), _seconds(row[2], row[3]), row[4], row[5] + 1) for row in ordered
        ]

    def beating(self, since: datetime) -> set[str]:
        """Kinds of Airflow job (`SchedulerJob`, `DagProcessorJob`) that have sent a heartbeat since then."""
        statement = "select job_type, latest_heartbeat from job where state = 'running'"
        rows = self._rows(statement, {}, "latest_heartbeat")
        return {row[0] for row in rows if (seen := _utc(row[1])) and seen >= since}

    def parsed(self, dag_id: str, since: datetime) -> bool:
        """Whether the DAG was read from its file since then."""
        statement = "select last_parsed_time from dag where dag_id = :dag_id"
        rows = self._rows(statement, {"dag_id": dag_id}, "last_parsed_time")
        return any((seen := _utc(row[0])) is not None and seen >= since for row in rows)

    def paused(self, dag_id: str) -> bool:
        """Whether the DAG is paused."""
        rows = self._rows("select is_paused from dag where dag_id = :dag_id", {"dag_id": dag_id})
        return any(bool(row[0]) for row in rows)

    def import_error(self) -> str | None:
        """Why a DAG file could not be read: the last line of its traceback."""
        rows = self._rows("select stacktrace from import_error", {})
        return str(rows[0][0]).strip().splitlines()[-1] if rows else None

    def _runs(self, condition: str, values: dict[str, Any]) -> list[DagRun]:
        statement = (
            f"select run_id, state, start_date, end_date from dag_run where {condition} "  # noqa: S608 - ours
            "order by id desc limit 1"
        )
        rows = self._rows(statement, values, "start_date", "end_date")
        return [DagRun(row[0], row[1], _utc(row[2]), _utc(row[3])) for row in rows]

    def _rows(self, statement: str, values: dict[str, Any], *moments: str) -> list[Any]:
        """Rows of a statement. `moments` are its time columns, which SQLite keeps as text."""
        clause = text(statement)
        for name in values:
            if name == "logical_date":
                clause = clause.bindparams(bindparam(name, type_=_MOMENT))
        with self._connection() as conn:
            return list(conn.execute(clause.columns(**dict.fromkeys(moments, _MOMENT)), values))

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as conn:
                yield conn
        except SQLAlchemyError as error:
            raise DatabaseError(
                f"Airflow's metadata database does not answer: {first_line(error)}",
                remedy="check that it runs (./retail status); ./retail run prepares it",
            ) from error


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=timezone.utc) if moment and moment.tzinfo is None else moment


def _seconds(start: datetime | None, end: datetime | None) -> float:
    begun = _utc(start)
    if begun is None:
        return 0.0
    return ((_utc(end) or datetime.now(timezone.utc)) - begun).total_seconds()
