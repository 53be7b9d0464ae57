"""What dbt has of each model, once it has read the project: a description, a group, an access."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dbt_coverage import CoverageType, do_compute
from psycopg2.extensions import connection

from gold import build as gold
from gold import dbt_runner
from gold.dbt_runner import PROJECT_DIR
from gold.dictionary import gold_tables
from gold.membership import build_membership
from medallion.process.steps import CORE, MARTS, MEMBERSHIP, NIGHTLY_MARTS
from medallion.settings import Settings
from tests.conftest import NOON
from tests.integration.test_membership import ALL, load
from tests.pipeline import build_untested, hour

PROTECTED = {
    "lifetime_value_backtest",
    "lifetime_value_totals",
    "revenue_forecast_backtest",
    "revenue_forecast_origins",
    "rfm_segments",
}
# dbt does not build these tables, so that it has no test of them. The schema of Silver and meta has constraints.
SOURCES_OF_DBT = [
    str(file.relative_to(PROJECT_DIR)) for file in sorted((PROJECT_DIR / "models").rglob("*__sources.yml"))
]
# A view holds nothing of its own: its tables are tested.
VIEWS = [str(file.relative_to(PROJECT_DIR)) for file in sorted(PROJECT_DIR.glob("models/gold/dashboards/*.sql"))]
# Of tables in `meta`, what a view for dashboards reads; comments describe the rest (sql/comments.sql).
LOG_OF_STEPS = "models/gold/dashboards/_dashboards__sources.yml"
PRIVATE = {"rfm_cut_points", "stg_op_stats", "stg_post_deduction", "stg_pre_deduction", "stg_top_up"}


def test_every_model_is_described_and_belongs_to_a_group(conn: connection, settings: Settings) -> None:
    """One test, as dbt reads the project for seconds."""
    dbt_runner.invoke(conn, settings, ["deps"], "parse")
    manifest = dbt_runner.invoke(conn, settings, ["parse"], "parse")
    models = {one.name: one for one in manifest.nodes.values() if one.resource_type == "model"}

    described = {
        (f"gold.{name}", column.name, " ".join(column.description.split()))
        for name, model in models.items()
        for column in model.columns.values()
    }
    assert described == {(one.name, column.name, column.description) for one in gold_tables() for column in one.columns}

    access = {name: model.access.value for name, model in models.items()}
    narrow = dict.fromkeys(PROTECTED, "protected") | dict.fromkeys(PRIVATE, "private")
    assert access == dict.fromkeys(models, "public") | narrow
    assert {model.group for model in models.values()} == {one.name for one in manifest.groups.values()}

    blank = [
        f"{source.name}.{column.name}"
        for source in manifest.sources.values()
        for column in source.columns.values()
        if not (source.description and column.description)
    ]
    assert blank == []


@pytest.mark.slow
def test_dbt_coverage_finds_no_column_without_a_description_or_without_a_test(
    conn: connection, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hour(conn, settings)
    build_untested(conn, settings)
    gold.build_nightly(conn, settings, run_id="night", now=NOON)
    of_the_day = settings.model_copy(update={"inbox_settle_seconds": 0})
    load(conn, of_the_day, ALL)
    build_membership(conn, of_the_day, run_id="day")
    monkeypatch.setattr(dbt_runner, "_NO_ARTIFACTS", ())
    dbt_runner.invoke(conn, settings, ["docs", "generate"], "docs")
    target = settings.retail_home / "dbt" / "target"
    assert uncovered(target, tmp_path, CoverageType.DOC, [LOG_OF_STEPS]) == []

    manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    manifest["nodes"] |= {f"test.constraint.{number}": one for number, one in enumerate(held_by_the_table(manifest))}
    (target / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    assert uncovered(target, tmp_path, CoverageType.TEST, [*SOURCES_OF_DBT, *VIEWS]) == []


def uncovered(target: Path, folder: Path, kind: CoverageType, but: list[str] | None = None) -> list[str]:
    """The columns that dbt-coverage finds without a description, or without a test, `but` for those of these files."""
    report = do_compute(PROJECT_DIR, target, folder / "coverage.json", kind, model_path_exclusion_filter=but)
    assert len(report.subentities) >= len({*CORE, *MARTS, *NIGHTLY_MARTS, *MEMBERSHIP})
    return sorted(f"{one.table_name}.{one.column_name}" for one in report.misses)


def held_by_the_table(manifest: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A test, as dbt-coverage reads it, for each column that a constraint, an audit or a test of its table names.

    dbt-coverage counts tests of single columns alone. Postgres holds a constraint for every row, before the commit.
    """
    models = {one["unique_id"]: one for one in manifest["nodes"].values() if one["resource_type"] == "model"}
    prose = {"name", "says"}
    rules = {
        name: f"{model['constraints']}"
        + " ".join(str([one[key] for key in {*one} - prose]) for one in model["config"]["meta"].get("audits", ()))
        for name, model in models.items()
    }
    for test in manifest["nodes"].values():
        if test["resource_type"] == "test" and test.get("attached_node") in models and not test["column_name"]:
            rules[test["attached_node"]] += f" {test['test_metadata']['kwargs']}"
        elif test["resource_type"] == "test" and not test.get("attached_node"):
            for name in {*test["depends_on"]["nodes"]} & {*models}:
                rules[name] += f" {test['raw_code']}"
    for name, model in models.items():
        for column in model["columns"].values():
            if column["constraints"] or re.search(rf"\b{column['name']}\b", rules[name]):
                yield {
                    "resource_type": "test",
                    "test_metadata": {"name": "constraint", "kwargs": {}},
                    "column_name": column["name"],
                    "depends_on": {"nodes": [name]},
                }
