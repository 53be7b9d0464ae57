"""The log of a task as the web UI shows it, printed line by line: a program for Airflow's environment.

Arguments: the ids of the DAG and the task. It reads the last try of the task's last run, by what serves the UI.
"""

from __future__ import annotations

import json
import sys


def main(dag_id: str, task_id: str) -> None:
    """Print each line of the log as JSON."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.log.log_reader import TaskLogReader
    from airflow.utils.session import create_session
    from sqlalchemy import select
    from sqlalchemy.orm import joinedload

    found = select(TaskInstance).where(TaskInstance.dag_id == dag_id, TaskInstance.task_id == task_id)
    last = found.options(joinedload(TaskInstance.dag_run)).order_by(TaskInstance.start_date.desc()).limit(1)
    with create_session() as session:
        ti = session.scalars(last).one()
        for line in TaskLogReader().read_log_stream(ti, ti.try_number, {}):
            sys.stdout.write(f"shown: {json.dumps(json.loads(line))}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
