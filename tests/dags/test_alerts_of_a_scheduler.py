"""What only a scheduler, its task processes and the dag-processor show: killed tasks, and missing runs."""

from __future__ import annotations

import json

import pytest

from medallion.alerting.failure import SILENT_END
from medallion.settings import PROJECT_ROOT
from tests.process_table import eventually
from tests.retail_cli import Retail, retail

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.timeout(600)]

LONG_AGO = """
    insert into meta.load (run_id, layer, dataset, status, started_at, ended_at)
    select 'long ago', 'bronze', 'sales', 'SUCCESS', moment, moment
    from (select now() - interval '10 hours' as moment) as begun
"""


def incidents(cli: Retail) -> dict[str, str]:
    """Causes of what is open, by entity."""
    return {one["entity"]: one["cause"] for one in cli("status", "--json").json()["incidents"]}


def test_killed_tasks_and_missing_hours_are_incidents_and_end_with_the_next_good_hour() -> None:
    with retail() as cli:
        assert cli("psql", "-f", str(PROJECT_ROOT / "sql" / "migrations" / "0001_first_tables.sql")).code == 0
        assert cli("psql", "-c", LONG_AGO).code == 0
        with cli.start("up", RETAIL_TASK_RETRIES="0", RETAIL_FAIL_POINT="part.receipted") as platform:
            platform.says("ready.", 240)
            assert eventually(lambda: len(incidents(cli)) == 5, 240), incidents(cli)
            causes = incidents(cli)
            assert causes.pop("run").startswith("no hourly run reached the warehouse between ")
            assert causes == dict.fromkeys(("customers", "products", "stores", "sales"), SILENT_END)
            shown = cli("status").out
            assert "incident: sales (retail_etl_hourly bronze_sales) since " in shown
            assert "do: see the end of the task's log" in shown
            told = "select count(*), sum(times) from meta.incident where entity <> 'run'"
            assert cli("psql", "-Atc", told).out.strip() == "4|4"  # by each task's death and the end of the run, once
            assert platform.press_ctrl_c() in (0, 130)
        with cli.start("up") as platform:
            platform.says("ready.", 240)
            outcome = cli("run", "--json", seconds=300)
            assert outcome.code == 0
            assert_no_error_in_logs(cli, outcome.json()["run_id"])
            assert eventually(lambda: incidents(cli) == {}, 120), incidents(cli)
            assert cli("psql", "-Atc", "select count(*) from meta.incident").out.strip() == "5"
            assert platform.press_ctrl_c() in (0, 130)


def assert_no_error_in_logs(cli: Retail, run_id: str) -> None:
    """What a green task's libraries write to its stderr is an error in the web UI: none of them may."""
    logs = list((cli.home.airflow / "logs").glob(f"dag_id=retail_etl_hourly/run_id={run_id}/task_id=*/*.log"))
    assert {log.parent.name for log in logs} >= {"task_id=bronze_sales", "task_id=dbt_run_core", "task_id=dbt_test"}
    lines = [line for log in logs for line in log.read_text().splitlines()]
    assert [line for line in lines if json.loads(line)["level"] in ("error", "critical")] == []
