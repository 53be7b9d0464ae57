"""Real runs of a DAG by `airflow dags test`."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

AIRFLOW = [str(Path(sys.executable).parent / "airflow")]
METADATA = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"


@dataclass(frozen=True)
class Hour:
    """One way to run the DAG: the environment of the processes, and where they log."""

    environment: dict[str, str]
    log: Path

    def start(self, dag_id: str = "retail_etl_hourly") -> subprocess.Popen[bytes]:
        """Start a run, in a process group of its own."""
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [*AIRFLOW, "dags", "test", dag_id],
                env=self.environment,
                cwd=self.log.parent,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def run(self, dag_id: str = "retail_etl_hourly") -> int:
        """Run to the end; the exit code."""
        return self.start(dag_id).wait(timeout=300)
