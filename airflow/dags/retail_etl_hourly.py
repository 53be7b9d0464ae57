"""The hourly run: source API → Bronze → Silver → Gold. This file wires; the work is in the pipeline.

The steps are those of `medallion.process.steps`. Nothing here touches a database, reads a Variable or imports the
pipeline while the file is parsed. The notes in the web UI are in `retail_etl_hourly.md`, one section per task.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.sdk import DAG, Param, TaskGroup
from retail_callbacks import nothing_left, run_failed, run_succeeded
from retail_steps import DEFAULTS, RUN_TYPES, connect_tasks, notes_of, task_of

from medallion.process.steps import HOURLY, entities

NOTES = notes_of(__file__)
LAYERS = {
    "bronze": "Source API → NDJSON files",
    "silver": "NDJSON files → typed tables",
    "gold": "Typed tables → dimensions, fact, mart",
}
# Where a run ends early because nothing is left to do, the incidents of later tasks are resolved.
NOTHING_LEFT: dict[str, Any] = {"dbt_deps": {"on_skipped_callback": nothing_left}}

with DAG(
    dag_id="retail_etl_hourly",
    description="Source API → Bronze → Silver → Gold, every hour",
    doc_md=NOTES["retail_etl_hourly"],
    schedule="@hourly",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    allowed_run_types=RUN_TYPES,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=3),
    tags=["retail", "bronze", "silver", "gold", "dbt"],
    default_args=DEFAULTS,
    on_failure_callback=run_failed,
    on_success_callback=run_succeeded,
    params={
        "entities": Param(
            entities(),
            type="array",
            items={"type": "string", "enum": entities()},
            description="Source entities to pull. Silver and Gold take whatever else is new too.",
        ),
        "full_refresh": Param(
            default=False,
            type="boolean",
            description="Pull from the source's beginning and build Gold again. Nothing is doubled.",
        ),
    },
):
    tasks: dict[str, Any] = {}
    for layer, tooltip in LAYERS.items():
        with TaskGroup(layer, prefix_group_id=False, tooltip=tooltip):
            for step in HOURLY:
                if step.layer == layer:
                    tasks[step.id] = task_of(step, NOTES, **NOTHING_LEFT.get(step.id, {}))
    connect_tasks(HOURLY, tasks)
