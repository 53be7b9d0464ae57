"""The incident that the warehouse cannot store: that the warehouse itself does not answer.

It is a file, `warehouse-outage.json`, in a folder that the tasks of every run share. It exists from the first failure
that could not be recorded to the first callback that reaches the warehouse again. The start is reported once, whatever
fails meanwhile, and so is the end. The file is locked for the decision only, not while a message is sent.
"""

from __future__ import annotations

import fcntl
import json
import logging
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from medallion.alerting.messages import Incident, sent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from medallion.alerting.failure import Failure
    from medallion.alerting.messages import Channels

ENTITY = "warehouse"
_REMEDY = "see why it does not answer (./retail status, ./retail doctor); the first run after that resumes"

log = logging.getLogger("retail.incident")


def report_outage(folder: Path, failure: Failure, reason: str, now: datetime, channels: Channels) -> None:
    """Report, once per outage, that the warehouse did not answer when this failure was to be recorded.

    A channel that did not take the message gets it again with the next failure. Raises OSError.
    """
    with _state(folder) as state:
        if not state:
            cause = f"{reason} (when the failure of {failure.task_id} was to be recorded: {failure.cause})"
            state |= {"dag_id": failure.dag_id, "task_id": failure.task_id, "run_id": failure.run_id, "cause": cause}
            state |= {"opened_at": now.isoformat(), "pending_channels": list(channels)}
        pending = state.pop("untold", None) or state.get("pending_channels", [])  # the name of an earlier version
        state["pending_channels"] = []
        incident = _incident(state, "OPEN", now)
    if left := _notify(pending, channels, incident):
        with _state(folder) as state:
            if state:
                state["pending_channels"] = left


def report_end(folder: Path, now: datetime, channels: Channels) -> None:
    """Report that the warehouse answers again, if the outage was reported. Raises OSError."""
    if not _file(folder).exists():
        return
    with _state(folder) as state:
        incident = _incident(state, "CLOSED", now) if state else None
    if incident:
        log.warning("incident closed %s", json.dumps(incident.as_json()))
        _notify(list(channels), channels, incident)
    with _state(folder) as state:
        state.clear()


def _notify(names: list[str], channels: Channels, incident: Incident) -> list[str]:
    """Send to these channels; returns those that did not take it."""
    return [name for name in names if name in channels and not sent(channels[name], name, incident)]


def _incident(state: dict[str, Any], status: str, now: datetime) -> Incident:
    return Incident(
        incident_id=0,
        dag_id=state["dag_id"],
        task_id=state["task_id"],
        entity=ENTITY,
        status=status,
        opened_at=datetime.fromisoformat(state["opened_at"]),
        last_seen_at=now,
        closed_at=now if status == "CLOSED" else None,
        times=1,
        run_id=state["run_id"],
        load_id=None,
        cause=state["cause"],
        remedy=_REMEDY,
        message_id=None,
        is_new=True,
    )


@contextmanager
def _state(folder: Path) -> Iterator[dict[str, Any]]:
    """The content of the file, locked. The content at the end is written back; if empty, the file is removed."""
    file = _file(folder)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with file.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            state: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            state = {}
        yield state
        if not state:
            file.unlink(missing_ok=True)
            return
        draft = file.with_suffix(".new")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(state), encoding="utf-8")
        draft.replace(file)


def _file(folder: Path) -> Path:
    return folder / "warehouse-outage.json"
