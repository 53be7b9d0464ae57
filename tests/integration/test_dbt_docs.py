"""What dbt has of each model, once it has read the project: a description, a group, an access."""

from __future__ import annotations

from psycopg2.extensions import connection

from gold import dbt_runner
from gold.dictionary import gold_tables
from medallion.settings import Settings

PROTECTED = {"lifetime_value_backtest", "lifetime_value_totals", "rfm_segments"}
PRIVATE = {"rfm_cut_points"}


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
