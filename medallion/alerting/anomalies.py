"""Incidents of anomalies: opened by the run that finds one, closed when it is over, explained, or has a verdict.

They name a slice and a direction and not a row: late lines may move the hour at which an anomaly begins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from medallion.alerting.failure import Failure
from medallion.alerting.incidents import close_incidents, record_failure
from medallion.database import transaction
from medallion.statements import Statements

if TYPE_CHECKING:
    from psycopg2.extensions import connection

    from medallion.alerting.messages import Channels
    from medallion.settings import Settings

_SQL = Statements(__file__)
_REMEDY = "look at it: ./retail anomalies; if it is known or right, say so: ./retail anomalies verdict ID ok --note …"


def report_anomalies(conn: connection, dag_id: str, run_id: str, settings: Settings | None, channels: Channels) -> None:
    """Open and close the incidents of anomalies. Raises DatabaseError when that was not recorded."""
    with transaction(conn):
        is_open = _SQL.rows(conn, "open_anomalies")
        incidents = [task_id for (task_id,) in _SQL.rows(conn, "open_incidents", {"dag_id": dag_id})]
    for task_id, words in is_open:
        record_failure(conn, Failure(dag_id, task_id, run_id, None, words, _REMEDY), settings, channels)
    over = sorted({*incidents} - {task_id for task_id, _ in is_open})
    if over:
        close_incidents(conn, dag_id, over, channels)
