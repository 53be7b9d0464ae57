"""The hour with a task for each dbt node: what `benchmarks.orchestration --cosmos` compares ours with.

Bronze and Silver are the very tasks of retail_etl_hourly. Gold is astronomer-cosmos in local mode by its own advice for
speed: the graph from a manifest, dbt called in the task's process, packages installed beforehand, tests behind the
model they belong to.
"""

from __future__ import annotations

import os
from datetime import datetime, timezone
from pathlib import Path

from airflow.sdk import DAG
from cosmos import DbtTaskGroup, ExecutionConfig, ProfileConfig, ProjectConfig, RenderConfig
from cosmos.constants import ExecutionMode, InvocationMode, LoadMode, TestBehavior
from retail_steps import DEFAULTS, connect_tasks, notes_of, task_of

from medallion.process.steps import HOURLY, LOADS, entities

PROJECT = Path(os.environ["RETAIL_PROJECT"])
NOTES = notes_of(str(PROJECT / "airflow" / "dags" / "retail_etl_hourly.py"))
STEPS = [step for step in HOURLY if step.layer in ("bronze", "silver")]

with DAG(
    dag_id="retail_cosmos_hourly",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    default_args={name: value for name, value in DEFAULTS.items() if not name.startswith("on_")},
    params={"entities": entities(), "full_refresh": False},
):
    tasks = {step.id: task_of(step, NOTES) for step in STEPS}
    connect_tasks(STEPS, tasks)
    gold = DbtTaskGroup(
        group_id="gold",
        project_config=ProjectConfig(
            dbt_project_path=PROJECT / "dbt",
            manifest_path=Path(os.environ["RETAIL_MANIFEST"]),
            install_dbt_deps=False,
        ),
        profile_config=ProfileConfig(
            profile_name="retail", target_name="warehouse", profiles_yml_filepath=PROJECT / "dbt" / "profiles.yml"
        ),
        execution_config=ExecutionConfig(execution_mode=ExecutionMode.LOCAL, invocation_mode=InvocationMode.DBT_RUNNER),
        render_config=RenderConfig(load_method=LoadMode.DBT_MANIFEST, test_behavior=TestBehavior.AFTER_EACH),
        operator_args={"install_deps": False},
    )
    [tasks[load.id] for load in LOADS] >> gold
