"""Messages of incidents: one per run and cause when its first task fails, one when all its tasks have recovered.

A message is a row of `meta.incident_message`; its incidents point to it. No lock is held while it is sent: a short
transaction claims it (sender and time), another records which channel has taken it. So two processes never send the
same message at the same time. A process that dies while it sends leaves its claim; after `LEASE_SECONDS` by the
warehouse's clock the next process sends the message again: at least once, not at most once.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from medallion.database import transaction
from medallion.statements import Statements
from medallion.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from psycopg2.extensions import connection

    Channels = Mapping[str, Callable[["Incident"], None]]

# Longer than a channel takes to time out: while its sender is alive, a message is never sent a second time.
LEASE_SECONDS = 900
_SQL = Statements(__file__)

log = logging.getLogger("retail.incident")


@dataclass(frozen=True)
class Incident:
    """A row of `meta.incident`; `is_new` says whether this call opened or closed it.

    As a message: the first incident of its run and cause, with the status of the message; `tasks` are the tasks of all
    its incidents.
    """

    incident_id: int
    dag_id: str
    task_id: str
    entity: str
    status: str
    opened_at: datetime
    last_seen_at: datetime
    closed_at: datetime | None
    times: int
    run_id: str
    load_id: int | None
    cause: str
    remedy: str
    message_id: int | None
    is_new: bool
    tasks: tuple[str, ...] = ()

    def headline(self) -> str:
        """One line for a person."""
        others = len(self.tasks) - 1
        about = f"{self.entity} and {others} more" if others > 0 else self.entity
        how = "resolved" if self.status == "CLOSED" else "failed"
        return f"{about}: {how} ({self.dag_id} {self.task_id})"

    def lines(self) -> dict[str, str]:
        """The lines of a message, by label."""
        said = {
            "entity": self.entity,
            "task": f"{self.dag_id} {', '.join(self.tasks or (self.task_id,))}",
            "load": f"{'none' if self.load_id is None else self.load_id} of run {self.run_id}",
            "since": f"{self.opened_at:%Y-%m-%d %H:%M:%S} UTC, {counted(self.times, 'time')}",
            "cause": self.cause,
        }
        if self.status == "CLOSED" and self.closed_at is not None:
            return said | {"closed": f"{self.closed_at:%Y-%m-%d %H:%M:%S} UTC: the task succeeded"}
        return said | {"do": self.remedy}

    def as_json(self) -> dict[str, Any]:
        """Plain data for a log or a webhook; moments in RFC 3339."""
        plain = {name: value for name, value in asdict(self).items() if name not in ("message_id", "is_new")}
        plain["tasks"] = list(self.tasks or (self.task_id,))
        return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in plain.items()}


@dataclass(frozen=True)
class _Claimed:
    """A message that this process sends now; `status` says whether it opens or closes."""

    message_id: int
    status: str
    pending_channels: list[str]


def join_message(conn: connection, incident_id: int, cause_key: str, channels: Channels) -> None:
    """Assign a new incident to the message of its run and cause, in the transaction that opens it.

    The first incident of a run and cause creates the message; later ones send none of their own.
    """
    values: dict[str, Any] = {"incident_id": incident_id, "cause_key": cause_key, "channels": list(channels)}
    (values["message_id"],) = _SQL.first(conn, "message_of_cause", values) or (None,)
    _SQL.execute(conn, "join_message", values)


def close_messages(conn: connection, message_ids: Sequence[int], channels: Channels) -> None:
    """Mark the end of each message whose incidents are all closed as pending, in the transaction that closes them."""
    values = {"message_ids": sorted(set(message_ids)), "channels": list(channels)}
    _SQL.execute(conn, "hold_messages", values)  # if two processes close the last ones, the second sees the first
    _SQL.execute(conn, "close_messages", values)


def notify(conn: connection, dag_id: str, task_ids: Sequence[str], channels: Channels) -> None:
    """Send each message about these tasks that a channel has not taken yet. Raises DatabaseError.

    A change during the sending, such as an incident that was closed, is sent after it.
    """
    about = {"dag_id": dag_id, "task_ids": list(task_ids), "sender": str(uuid4()), "lease": LEASE_SECONDS}
    tried: list[str] = []
    while claimed := _claim(conn, about | {"tried": tried}):
        for message in claimed:
            _send(conn, message, about["sender"], channels)
            tried.append(f"{message.message_id} {message.status}")


def _claim(conn: connection, values: dict[str, Any]) -> list[_Claimed]:
    with transaction(conn):
        return [_Claimed(*row) for row in _SQL.rows(conn, "claim_messages", values)]


def _send(conn: connection, message: _Claimed, sender: Any, channels: Channels) -> None:
    """Send a claimed message to its channels, without holding a lock."""
    values = {**vars(message), "sender": sender}
    with transaction(conn):
        columns = list(_SQL.one(conn, "message_incident", values))
    incident = Incident(*[*columns[:-1], tuple(columns[-1])])
    for name in message.pending_channels:
        if name not in channels or sent(channels[name], name, incident):
            with transaction(conn):
                _SQL.execute(conn, "message_taken", values | {"channel": name})
    with transaction(conn):
        _SQL.execute(conn, "release_message", values)


def sent(send: Callable[[Incident], None], name: str, incident: Incident) -> bool:
    """Send a message to a channel. Returns whether it was taken; an error is logged, not raised."""
    try:
        send(incident)
    except Exception as error:  # noqa: BLE001 - whatever a notifier does, it must not fail the run
        kind = type(error).__name__
        log.warning("%s did not take incident %d (%s); it is sent again later", name, incident.incident_id, kind)
        return False
    return True
