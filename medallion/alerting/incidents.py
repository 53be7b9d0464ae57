"""Incidents: one row of `meta.incident` from the first failure of a task to its next success; repeats are counted.

Incidents of one run that have the same cause share a message (`medallion.alerting.messages`): a source that is down
fails every pull, and is reported once. The caller passes *channels*: names, each with a function that sends to it. A
message that a channel did not take is kept and sent again at the next occasion, so an alarm survives a mail server that
is down. No channel can fail a run.

This module does not know Airflow: `airflow/plugins/retail_callbacks.py` reports failures and provides the channels.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from medallion.alerting.failure import Failure
from medallion.alerting.messages import Incident, close_messages, join_message, notify
from medallion.alerting.warehouse_outage import report_outage
from medallion.database import transaction
from medallion.error_record import ErrorRecord
from medallion.errors import DatabaseError
from medallion.redaction import without_secrets
from medallion.state.loads import log_unlogged
from medallion.statements import Statements

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from psycopg2.extensions import connection

    from medallion.alerting.messages import Channels
    from medallion.settings import Settings

MOST_CAUSE = 1000
MOST_REMEDY = 500
_SQL = Statements(__file__)

log = logging.getLogger("retail.incident")


def record_failure(conn: connection, failure: Failure, settings: Settings | None, channels: Channels) -> None:
    """Open an incident, or count the failure in the open one. Raises DatabaseError when it was not recorded.

    A step that failed before it could write into the ETL log is written there as well.
    The first incident of a run and cause is reported at once; later ones of that run and cause join its message.
    """
    cleaned = _presentable(failure, settings)
    values = asdict(cleaned) | {"layer": cleaned.layer, "entity": cleaned.entity, "dataset": cleaned.entity}
    with transaction(conn):
        _log_failed_step(conn, cleaned)
        found = _select(conn, "fold_failure", values)
        for incident in found:
            if incident.is_new:
                join_message(conn, incident.incident_id, cleaned.cause_key, channels)
    for incident in found:
        if incident.is_new:
            log.error("incident opened %s", json.dumps(incident.as_json()))
        else:
            log.info(
                "incident %d continues: failure %d since %s", incident.incident_id, incident.times, incident.opened_at
            )
    _notify(conn, failure.dag_id, [failure.task_id], channels)


def report_unrecorded(
    failure: Failure, settings: Settings | None, reason: str, folder: Path, now: datetime, channels: Channels
) -> None:
    """Log a failure that could not be recorded, and send one message that the warehouse does not answer.

    A file in `folder` records that it was sent (`medallion.alerting.warehouse_outage`). Raises OSError.
    """
    cleaned = _presentable(failure, settings)
    said = asdict(cleaned) | {"entity": cleaned.entity, "load_id": None, "not_recorded": reason}
    log.error("incident opened %s", json.dumps(said))
    report_outage(folder, cleaned, without_secrets(reason, settings), now, channels)


def close_incidents(conn: connection, dag_id: str, task_ids: Sequence[str], channels: Channels) -> None:
    """Close the open incidents of these tasks. Raises DatabaseError when that was not recorded.

    The end is reported once, when the last incident of a run and cause is closed.
    """
    with transaction(conn):
        closed = _select(conn, "close_incidents", {"dag_id": dag_id, "task_ids": list(task_ids)})
        close_messages(conn, [one.message_id for one in closed if one.message_id is not None], channels)
    for incident in closed:
        log.warning("incident closed %s", json.dumps(incident.as_json()))
    _notify(conn, dag_id, task_ids, channels)


def hour_began(conn: connection, *, besides: str) -> datetime | None:
    """When the last run other than `besides` began to pull; None: no other run ever did."""
    with transaction(conn):
        (moment,) = _SQL.first(conn, "hour_began", {"run_id": besides}) or (None,)
    return moment  # type: ignore[no-any-return]


def _log_failed_step(conn: connection, failure: Failure) -> None:
    """Write the failure into the ETL log, unless it is there. A task without a layer, and a run, are not logged."""
    if failure.layer and failure.own_remedy:
        error = ErrorRecord(failure.cause, failure.kind or None, failure.own_remedy, failure.exit_code)
        log_unlogged(conn, run_id=failure.run_id, layer=failure.layer, dataset=failure.entity, error=error)


def _notify(conn: connection, dag_id: str, task_ids: Sequence[str], channels: Channels) -> None:
    """Send pending messages. If the warehouse is lost meanwhile, they stay pending and are sent again."""
    try:
        notify(conn, dag_id, task_ids, channels)
    except DatabaseError as error:
        log.warning("messages of %s are sent again later: %s", dag_id, error.message)


def _presentable(failure: Failure, settings: Settings | None) -> Failure:
    """The failure with its texts bounded, on one line, without secrets."""

    def clean(text: str, most: int) -> str:
        words = " ".join(without_secrets(text, settings).replace("\0", "").split())
        return words if len(words) <= most else words[: most - 1] + "…"

    return Failure(
        **asdict(failure)
        | {"cause": clean(failure.cause, MOST_CAUSE)}
        | {name: clean(getattr(failure, name), MOST_REMEDY) for name in ("remedy", "own_remedy")}
    )


def _select(conn: connection, statement: str, values: dict[str, Any]) -> list[Incident]:
    return [Incident(*row) for row in _SQL.rows(conn, statement, values)]
