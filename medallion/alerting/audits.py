"""Incidents of audits that warn: opened by the run that found something, closed by the next build that finds nothing.

An audit of severity `error` needs none of its own: it fails the task of its model.
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
_REMEDY = "look at it: ./retail audits; the rows are published, and a build of enough rows that finds nothing ends this"


def report_audits(conn: connection, dag_id: str, run_id: str, settings: Settings | None, channels: Channels) -> None:
    """Open and close the incidents of the audits of a run. Raises DatabaseError when that was not recorded."""
    with transaction(conn):
        audits = _SQL.rows(conn, "audits_of_run", {"dag_id": dag_id, "run_id": run_id})
    for task_id, words in [(task_id, words) for task_id, words, _ in audits if words]:
        record_failure(conn, Failure(dag_id, task_id, run_id, None, words, _REMEDY), settings, channels)
    passed = [task_id for task_id, words, is_open in audits if is_open and not words]
    if passed:
        close_incidents(conn, dag_id, passed, channels)
