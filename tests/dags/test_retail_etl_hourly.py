"""The DAG as a document and as a graph: the promises of the design."""

from __future__ import annotations

import ast
import subprocess
import sys
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from medallion.entities.registry import ENTITIES
from medallion.process.steps import HOURLY
from medallion.settings import PROJECT_ROOT

DAGS = PROJECT_ROOT / "airflow" / "dags"
PLUGINS = PROJECT_ROOT / "airflow" / "plugins"
FILE = DAGS / "retail_etl_hourly.py"

BRONZE = {"bronze_customers", "bronze_products", "bronze_stores", "bronze_sales"}
SILVER = {
    "silver_load_customers": "bronze_customers",
    "silver_load_products": "bronze_products",
    "silver_load_stores": "bronze_stores",
    "silver_load_sales_customer": "bronze_sales",
    "silver_load_sales_product": "bronze_sales",
}
GOLD = ["dbt_deps", "dbt_run_core", "dbt_run_mart", "dbt_test", "judge_kpis"]


@pytest.fixture(scope="module")
def dag() -> Any:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=str(DAGS))
    assert bag.import_errors == {}
    assert sorted(bag.dags) == sorted(file.stem for file in DAGS.glob("*.py"))
    return bag.dags["retail_etl_hourly"]


def test_the_file_is_named_after_its_dag(dag: Any) -> None:
    assert dag.dag_id == FILE.stem


def test_the_graph_is_the_one_the_design_promises(dag: Any) -> None:
    upstream = {task.task_id: set(task.upstream_task_ids) for task in dag.tasks}
    expected: dict[str, set[str]] = {task_id: set() for task_id in BRONZE}
    expected |= {task_id: {source} for task_id, source in SILVER.items()}
    expected |= {"dbt_deps": set(SILVER)}
    expected |= {after: {before} for before, after in pairwise(GOLD)}
    assert upstream == expected


def test_each_declared_entity_has_its_task_and_so_has_each_of_its_tables(dag: Any) -> None:
    tasks = {task.task_id for task in dag.tasks} - {*GOLD}
    tables = {table.name for one in ENTITIES.values() for table in one.tables}
    assert tasks == {f"bronze_{name}" for name in ENTITIES} | {f"silver_load_{name}" for name in tables}


def test_it_runs_hourly_one_at_a_time_without_catching_up(dag: Any) -> None:
    assert (dag.schedule, dag.catchup, dag.max_active_runs) == ("@hourly", False, 1)
    assert isinstance(dag.dagrun_timeout, timedelta)


def test_it_says_whose_it_is_and_what_it_is(dag: Any) -> None:
    assert dag.tags >= {"retail", "bronze", "silver", "gold"}
    assert {task.owner for task in dag.tasks} == {"data-engineering"}
    assert "When a run is red" in dag.doc_md


def test_every_task_has_notes_retries_with_backoff_and_a_time_limit(dag: Any) -> None:
    for task in dag.tasks:
        assert len(task.doc_md) > 40, task.task_id
        assert task.retries == 2, task.task_id
        assert task.retry_exponential_backoff, task.task_id
        assert task.max_retry_delay, task.task_id
        assert task.execution_timeout, task.task_id


def test_every_note_belongs_to_a_task_and_others_are_those_of_their_layer(dag: Any) -> None:
    sections = [
        line.removeprefix("## ") for line in FILE.with_suffix(".md").read_text().splitlines() if line.startswith("## ")
    ]
    own = {task.task_id: task.doc_md for task in dag.tasks if task.task_id not in sections}
    assert {*sections} <= {task.task_id for task in dag.tasks}
    assert {*own} == {"bronze_products"} | {*SILVER} - {"silver_load_customers"}
    assert own["bronze_products"].startswith("Pulls products that are new or changed into `bronze/products/`.")
    assert own["silver_load_sales_product"].startswith("Folds receipted files of sales_product into ")


def test_assets_draw_the_line_from_bronze_to_gold(dag: Any) -> None:
    made: dict[str, str] = {}
    for task in dag.tasks:
        for asset in task.outlets:
            made[asset.name] = task.task_id
    for task in dag.tasks:
        for asset in task.inlets:
            assert made[asset.name] in dag.get_task(task.task_id).get_flat_relative_ids(upstream=True)
    layers = {name.split(".")[0] for name in made}
    assert layers == {"bronze", "silver", "gold"}


def test_assets_are_grouped_by_layer(dag: Any) -> None:
    assets = {asset.name: asset.group for task in dag.tasks for asset in task.outlets}
    assert assets == {name: name.split(".")[0] for name in assets}
    assert assets.keys() == {name for step in HOURLY for name in step.writes}


def test_no_dag_takes_a_run_for_dates_of_the_past(dag: Any) -> None:
    from airflow.dag_processing.dagbag import DagBag

    types = {found.dag_id: {one.value for one in found.allowed_run_types} for found in DagBag(str(DAGS)).dags.values()}
    kept = {"scheduled", "manual", "operator_triggered", "asset_materialization"}
    assert types == dict.fromkeys(types, kept)
    assert len(types) == 5


def test_params_are_checked_by_a_schema(dag: Any) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    assert dag.params["full_refresh"] is False
    assert dag.params["entities"] == [*ENTITIES]
    with pytest.raises(ParamValidationError):
        dag.params["entities"] = ["suppliers"]


def test_each_param_is_explained_where_a_person_sets_it(dag: Any) -> None:
    explained = {name: dag.params.get_param(name).description for name in dag.params}
    assert explained["entities"].startswith("Source entities to pull.")
    assert explained["full_refresh"].startswith("Pull from the source's beginning")


def test_a_bad_core_cannot_reach_the_marts(dag: Any) -> None:
    for task_id in ("dbt_run_core", "dbt_run_mart", "dbt_test"):
        assert dag.get_task(task_id).trigger_rule == "all_success"


def test_parsing_the_file_imports_declarations_and_steps_alone_and_connects_to_nothing(tmp_path: Path) -> None:
    program = (
        "import runpy, sys, socket\n"
        "def refuse(*_): raise RuntimeError('a connection while parsing')\n"
        f"sys.path += [{str(PLUGINS)!r}, {str(PROJECT_ROOT)!r}]  # as Airflow and PYTHONPATH do\n"
        f"import airflow.sdk; socket.socket.connect = refuse; runpy.run_path({str(FILE)!r})\n"
        "print(sorted(name for name in sys.modules if name.split('.')[0] in "
        "('ingestion', 'loaders', 'gold', 'quality', 'medallion', 'dbt', 'polars')))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    read = ast.literal_eval(found.stdout.strip().splitlines()[-1])
    steps = ["medallion", "medallion.process", "medallion.process.steps"]
    assert [name for name in read if not name.startswith("medallion.entities")] == steps
