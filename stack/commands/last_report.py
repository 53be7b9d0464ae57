"""The last report of the layers, saved for `./retail status` while the warehouse is stopped.

`run`, `pull` and `load` save what the layers hold at their end, `up` before it stops, and `status` whenever it could
read the warehouse.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime  # noqa: TC003 - msgspec reads the types at run time
from typing import TYPE_CHECKING, Any

import msgspec

from medallion.errors import DatabaseError
from stack.commands.layer_report import Report, read_report
from stack.host.home import write_private
from stack.services.airflow.metadata import DagRun, Metadata
from stack.services.airflow.service import DAG_ID

if TYPE_CHECKING:
    from pathlib import Path

    from stack.host.home import Home


@dataclass(frozen=True)
class LastReport:
    """A report of the layers, when it was read, and the last run before it."""

    read_at: datetime
    last_run: DagRun | None
    report: Report


def read_last_run(airflow_url: str | None) -> DagRun | None:
    """The last run that Airflow knows; None before the first one, when its tables do not exist yet."""
    with suppress(DatabaseError):
        return Metadata(airflow_url).last_run(DAG_ID) if airflow_url else None
    return None


def read_layers(database_url: str, last_run: DagRun | None, now: datetime) -> LastReport:
    """What the layers hold now. Raises DatabaseError."""
    return LastReport(now, last_run, read_report(database_url, last_run.run_id if last_run else None))


def save_report(home: Home, found: LastReport) -> None:
    """Save the report. Raises nothing: a disk that is full must not fail a run that succeeded."""
    with suppress(OSError):
        write_private(_file(home), json.dumps(asdict(found), indent=2, default=_as_text) + "\n")


def saved_report(home: Home) -> LastReport | None:
    """The report that was saved last; None when there is none, or when another version wrote it."""
    try:
        return msgspec.json.decode(_file(home).read_bytes(), type=LastReport)
    except (OSError, msgspec.MsgspecError):
        return None


def save_before_stop(home: Home, database_url: str, now: datetime, airflow_url: str | None = None) -> None:
    """Read and save the report of a warehouse that is about to stop. Raises nothing: it stops anyway.

    Without the address of Airflow's metadata, the last run stays the one that was saved before.
    """
    saved = saved_report(home) if airflow_url is None else None
    last_run = saved.last_run if saved else read_last_run(airflow_url)
    with suppress(DatabaseError):
        save_report(home, read_layers(database_url, last_run, now))


def _file(home: Home) -> Path:
    return home.path / "last-run.json"


def _as_text(moment: Any) -> str:
    return str(moment.isoformat())
