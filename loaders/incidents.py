"""Incidents: what is wrong is said once, repeats are counted, and what is right again is said once.

An incident is one row of `meta.incident`, from the first failure of a task to its next success. Who may be told of it
is handed in as *channels*: a name and what sends to it. What a channel did not take is kept in the row and sent again
at the next occasion, so an alarm survives a mail server that is down; no channel can fail a run.

Airflow is not known here: `airflow/dags/retail_alerts.py` says when something failed, and brings the channels.
"""

from __future__ import annotations

import json
import logging
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from loaders.database import transaction
from loaders.errors import RetailError
from loaders.statements import read_statements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from psycopg2.extensions import connection

    from loaders.config import Settings

    Channels = Mapping[str, Callable[["Incident"], None]]

RUN = "run"  # stands for a task where the run as a whole is meant
MOST_CAUSE = 1000
MOST_REMEDY = 500
SILENT_END = "its process ended without a word: killed, out of memory, or marked as failed by hand"
_LAYERS = {"bronze_": "bronze", "silver_load_": "silver", "dbt_": "gold"}
_SHORTEST_SECRET = 6  # a shorter one would blank ordinary words
_SQL = read_statements("incidents")

log = logging.getLogger("retail.incident")


@dataclass(frozen=True)
class Failure:
    """A task of a run that has failed for good. `is_explained` is False where only the fact is known."""

    dag_id: str
    task_id: str
    run_id: str
    try_number: int | None
    cause: str
    remedy: str
    is_explained: bool = True

    @property
    def layer(self) -> str | None:
        """The layer under which the task writes into the ETL log."""
        return next((layer for prefix, layer in _LAYERS.items() if self.task_id.startswith(prefix)), None)

    @property
    def entity(self) -> str:
        """What it is about, and what the ETL log calls it: customers, sales_product, dbt_run_core, run."""
        prefixes = (prefix for prefix, layer in _LAYERS.items() if layer != "gold")
        return next((self.task_id.removeprefix(one) for one in prefixes if self.task_id.startswith(one)), self.task_id)


@dataclass(frozen=True)
class Incident:
    """A row of `meta.incident`; `is_new` says whether this very call opened or closed it."""

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
    untold: list[str]
    is_new: bool

    def headline(self) -> str:
        """One line for a person."""
        if self.status == "CLOSED":
            return f"{self.entity}: right again ({self.dag_id} {self.task_id})"
        return f"{self.entity}: failed ({self.dag_id} {self.task_id})"

    def lines(self) -> dict[str, str]:
        """What a message says, by its label."""
        said = {
            "entity": self.entity,
            "task": f"{self.dag_id} {self.task_id}",
            "batch": f"{'none' if self.load_id is None else self.load_id} of run {self.run_id}",
            "since": f"{self.opened_at:%Y-%m-%d %H:%M:%S} UTC, {self.times} times",
            "cause": self.cause,
        }
        if self.closed_at is None:
            return said | {"do": self.remedy}
        return said | {"closed": f"{self.closed_at:%Y-%m-%d %H:%M:%S} UTC, by itself: it succeeded"}

    def as_json(self) -> dict[str, Any]:
        """Plain data for a log or a webhook; moments in RFC 3339."""
        plain = {name: value for name, value in asdict(self).items() if name not in ("untold", "is_new")}
        return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in plain.items()}


def failure_of(
    error: BaseException | None, *, dag_id: str, task_id: str, run_id: str, try_number: int | None, command: str
) -> Failure:
    """The failure that an exception tells of; None: the process ended without one. `command` runs the DAG again."""
    ours = _ours(error)
    if ours:
        cause, remedy = ours.message, ours.remedy
    elif error:
        text = str(error).strip()
        cause = f"{type(error).__name__}: {text}" if text else type(error).__name__
        remedy = "see the end of the task's log"
    else:
        cause, remedy = SILENT_END, "see the end of the task's log, and the system's for a lack of memory"
    return Failure(
        dag_id, task_id, run_id, try_number, cause, f"{remedy}; then {command}", is_explained=error is not None
    )


def record_failure(conn: connection, failure: Failure, settings: Settings | None, channels: Channels) -> None:
    """Open an incident and tell of it, or count the failure in the open one. Raises DatabaseError."""
    cleaned = _presentable(failure, settings)
    values = asdict(cleaned) | {"layer": cleaned.layer, "entity": cleaned.entity, "dataset": cleaned.entity}
    with transaction(conn):
        found = _select(conn, "fold_failure", values | {"channels": list(channels)})
    for incident in found:
        if incident.is_new:
            log.error("incident opened %s", json.dumps(incident.as_json()))
        else:
            log.info("incident %d goes on: %d times since %s", incident.incident_id, incident.times, incident.opened_at)
    _tell(conn, failure.dag_id, [failure.task_id], channels)


def log_unrecorded(failure: Failure, settings: Settings | None, reason: str) -> None:
    """The log line of a failure that could not be written down: the warehouse itself may be what failed."""
    cleaned = _presentable(failure, settings)
    said = asdict(cleaned) | {"entity": cleaned.entity, "load_id": None, "not_recorded": reason}
    log.error("incident opened %s", json.dumps(said))


def close_incidents(conn: connection, dag_id: str, task_ids: Sequence[str], channels: Channels) -> None:
    """Close what is open for these tasks, and say so once. Raises DatabaseError."""
    with transaction(conn):
        values = {"dag_id": dag_id, "task_ids": list(task_ids), "channels": list(channels)}
        closed = _select(conn, "close_incidents", values)
    for incident in closed:
        log.warning("incident closed %s", json.dumps(incident.as_json()))
    _tell(conn, dag_id, task_ids, channels)


def hour_began(conn: connection, *, besides: str) -> datetime | None:
    """When the last run that reached the warehouse began to pull, besides the given one; None: none ever did."""
    with transaction(conn), conn.cursor() as cursor:
        cursor.execute(_SQL["hour_began"], {"run_id": besides})
        (moment,) = cursor.fetchone() or (None,)
        return moment  # type: ignore[no-any-return]


def without_secrets(text: str, settings: Settings | None) -> str:
    """The text, with passwords of addresses and every secret that we know blanked out."""
    for secret in sorted(_secrets(settings), key=len, reverse=True):
        text = text.replace(secret, "***")
    text = re.sub(r"(://[^\s:/@]*:)[^\s@]+@", r"\1***@", text)
    return re.sub(r"(?i)(password\s*=\s*)('[^']*'|\S+)", r"\1***", text)


def _tell(conn: connection, dag_id: str, task_ids: Sequence[str], channels: Channels) -> None:
    """Send what was not taken yet. The rows are held meanwhile, so that no other process sends the same."""
    with transaction(conn):
        for incident in _select(conn, "untold_incidents", {"dag_id": dag_id, "task_ids": list(task_ids)}):
            known = [name for name in incident.untold if name in channels]
            left = [name for name in known if not _sent(channels[name], name, incident)]
            with conn.cursor() as cursor:
                cursor.execute(_SQL["keep_untold"], {"incident_id": incident.incident_id, "untold": left})


def _sent(send: Callable[[Incident], None], name: str, incident: Incident) -> bool:
    try:
        send(incident)
    except Exception as error:  # noqa: BLE001 - whatever a notifier does, it must not fail the run
        kind = type(error).__name__
        log.warning("%s did not take incident %d (%s); it is sent again later", name, incident.incident_id, kind)
        return False
    return True


def _ours(error: BaseException | None) -> RetailError | None:
    """The error of ours at the root of an exception, if there is one."""
    while error is not None and not isinstance(error, RetailError):
        error = error.__cause__
    return error


def _presentable(failure: Failure, settings: Settings | None) -> Failure:
    """Bounded, on one line, without secrets."""

    def clean(text: str, most: int) -> str:
        words = " ".join(without_secrets(text, settings).replace("\0", "").split())
        return words if len(words) <= most else words[: most - 1] + "…"

    return Failure(
        **asdict(failure) | {"cause": clean(failure.cause, MOST_CAUSE), "remedy": clean(failure.remedy, MOST_REMEDY)}
    )


def _secrets(settings: Settings | None) -> Iterable[str]:
    if settings is None:
        return set()
    address = settings.database_url.get_secret_value() if settings.database_url else ""
    password = urlsplit(address).password or ""
    key = settings.source_api_key.get_secret_value() if settings.source_api_key else ""
    known = {key, password, unquote(password), quote(unquote(password), safe="")}
    return {one for one in known if len(one) >= _SHORTEST_SECRET}


def _select(conn: connection, statement: str, values: dict[str, Any]) -> list[Incident]:
    with conn.cursor() as cursor:
        cursor.execute(_SQL[statement], values)
        return [Incident(*row) for row in cursor.fetchall()]
