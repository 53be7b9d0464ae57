"""The compiler: what is declared fits Gold, and the same declarations give the same bundle."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace

import pytest
import yaml

from dashboards.bundle import Declared, bundle_of, compile_assets
from dashboards.declared import Dataset
from dashboards.identity import asset_id
from medallion.errors import DashboardInvalid
from tests.dashboard_files import CHART, NUMBER, dashboard_of, declared, relations_of_gold


def without_column(name: str, column: str) -> Declared:
    """All that is declared, over a Gold whose relation lacks a column."""
    known = declared()
    relation = known.relations[name]
    columns = {key: value for key, value in relation.columns.items() if key != column}
    return replace(known, relations={**known.relations, name: replace(relation, columns=columns)})


def test_every_declared_dashboard_fits_gold() -> None:
    assets = compile_assets(declared())
    assert len([path for path in assets if path.startswith("dashboards/")]) == len(declared().dashboards) > 0


def test_a_column_that_was_renamed_in_gold_is_named_with_dashboard_and_chart() -> None:
    with pytest.raises(DashboardInvalid) as refused:
        compile_assets(without_column("dashboard_sales", "store_name"))
    assert refused.value.problems == [
        "sales-overview, chart revenue-by-store: dashboard_sales has no column store_name",
        "sales-overview, chart stores: dashboard_sales has no column store_name",
        "sales-overview, filter Store: dashboard_sales has no column store_name",
    ]


def test_a_measure_that_was_renamed_in_gold_is_named_with_dashboard_and_chart() -> None:
    with pytest.raises(DashboardInvalid) as refused:
        compile_assets(without_column("dashboard_sales", "net_amount"))
    problem = "net_revenue: dashboard_sales has no column net_amount"
    assert f"sales-overview, chart net-revenue: {problem}" in refused.value.problems
    assert f"sales-overview, chart stores: {problem}" in refused.value.problems
    assert "datasets.yaml, dashboard_sales: dashboard_sales has no column net_amount" in refused.value.problems
    assert not [one for one in refused.value.problems if "chart orders" in one]


def test_a_relation_that_left_gold_is_named() -> None:
    known = declared()
    rest = {name: one for name, one in known.relations.items() if name != "rfm_segments"}
    with pytest.raises(DashboardInvalid, match=r"datasets\.yaml, rfm_segments: dbt's manifest has no such model"):
        compile_assets(replace(known, relations=rest))


def test_the_same_declarations_give_the_same_bytes() -> None:
    assert bundle_of(compile_assets(declared())) == bundle_of(compile_assets(declared()))


def test_ids_follow_from_names_alone() -> None:
    chart = compile_assets(declared())["charts/sales-overview.net-revenue.yaml"]
    assert chart["uuid"] == asset_id("chart", "sales-overview/net-revenue")
    assert asset_id("chart", "sales-overview/net-revenue") == "a3859800-3ab0-5786-88d2-af58732e3add"


def test_every_chart_carries_the_query_that_a_browser_would_send() -> None:
    """Superset answers for an imported chart without one: no query context saved."""
    charts = [one for path, one in compile_assets(declared()).items() if path.startswith("charts/")]
    for one in charts:
        [query] = json.loads(one["query_context"])["queries"]
        assert query["columns"] or query["metrics"], one["slice_name"]


def test_the_bundle_is_one_that_superset_imports_as_a_whole() -> None:
    with zipfile.ZipFile(io.BytesIO(bundle_of(compile_assets(declared())))) as bundle:
        assert yaml.safe_load(bundle.read("retail/metadata.yaml"))["type"] == "assets"
        assert "retail/databases/warehouse.yaml" in bundle.namelist()


def test_no_password_is_in_the_bundle() -> None:
    database = compile_assets(declared())["databases/warehouse.yaml"]
    assert database["sqlalchemy_uri"] == "postgresql+psycopg2://retail_reader@warehouse/retail"


def test_a_data_set_is_a_relation_and_never_sql() -> None:
    found = [one for path, one in compile_assets(declared()).items() if path.startswith("datasets/")]
    assert {one["sql"] for one in found} == {None}
    assert {one["schema"] for one in found} == {"gold"}


def test_an_amount_is_empty_over_several_currencies() -> None:
    [metric] = [
        one
        for one in compile_assets(declared())["datasets/warehouse/dashboard_sales.yaml"]["metrics"]
        if one["metric_name"] == "net_revenue"
    ]
    assert metric["expression"] == "case when min(currency) = max(currency) then sum(net_amount) end"


@pytest.mark.parametrize(
    ("dataset", "words"),
    [
        (Dataset(metrics=("profit",)), "profit isn't a metric"),
        (Dataset(metrics=("repeat_rate",)), "repeat_customers is counted under a condition"),
        (Dataset(metrics=("active_customers",)), "dashboard_sales has no column customer_count"),
        (Dataset(sums=("profit",)), "dashboard_sales has no column profit"),
        (Dataset(shares={"part": ("net_amount", "profit")}), "dashboard_sales has no column profit"),
        (Dataset(time="day"), "dashboard_sales has no column day"),
    ],
)
def test_a_figure_that_a_relation_cannot_give_is_refused(dataset: Dataset, words: str) -> None:
    known = Declared([dashboard_of(CHART)], {"dashboard_sales": dataset}, relations_of_gold())
    with pytest.raises(DashboardInvalid, match=words):
        compile_assets(known)


def test_customers_of_a_mart_are_never_added_up() -> None:
    known = Declared(
        [dashboard_of(NUMBER)], {"mart_daily_kpis": Dataset(metrics=("active_customers",))}, relations_of_gold()
    )
    with pytest.raises(DashboardInvalid, match="customer_count does not add up"):
        compile_assets(known)


def test_a_filter_leaves_out_the_charts_that_lack_its_column_or_ignore_it() -> None:
    choice = {"name": "Channel", "dataset": "dashboard_sales", "column": "channel"}
    charts = (
        CHART,
        {**CHART, "name": "ignoring", "ignores": ["Channel"]},
        {**CHART, "name": "products", "dataset": "dashboard_products", "by": "brand"},
    )
    known = declared()
    page = dashboard_of(*({**one, "width": 4} for one in charts), filters=[choice])
    asset = compile_assets(replace(known, dashboards=[page]))["dashboards/test.yaml"]
    [found] = asset["metadata"]["native_filter_configuration"]
    assert found["scope"]["excluded"] == [2, 3]


def test_a_chart_of_a_period_of_its_own_is_left_out_of_the_filter_of_the_period() -> None:
    page = dashboard_of(
        {**CHART, "period": "yesterday"}, {**CHART, "name": "other"}, period={"default": "last 28 days"}
    )
    asset = compile_assets(replace(declared(), dashboards=[page]))["dashboards/test.yaml"]
    [found] = asset["metadata"]["native_filter_configuration"]
    assert found["scope"]["excluded"] == [1]
