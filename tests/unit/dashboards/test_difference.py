"""What an apply would change: only what is declared counts, and ids of the server do not."""

from __future__ import annotations

import copy
import json

from dashboards.bundle import compile_assets
from dashboards.difference import changes
from tests.dashboard_files import declared

WANTED = compile_assets(declared())
CHART = "charts/sales-overview.net-revenue.yaml"


def test_a_server_that_has_it_all_needs_nothing() -> None:
    found = copy.deepcopy(WANTED)
    context = json.loads(found[CHART]["query_context"]) | {"datasource": {"id": 7, "type": "table"}}
    found[CHART] |= {"query_context": json.dumps(context), "cache_timeout": None, "tags": ["of the server"]}
    position = found["dashboards/sales-overview.yaml"]["position"]
    filters = found["dashboards/sales-overview.yaml"]["metadata"]["native_filter_configuration"]
    numbers = {}
    for one in position.values():
        if isinstance(one, dict) and one["type"] == "CHART":
            numbers[one["meta"]["chartId"]] = one["meta"]["chartId"] + 40
            one["meta"]["chartId"] += 40
    for one in filters:
        one["scope"]["excluded"] = [numbers[number] for number in one["scope"]["excluded"]]
    assert changes(WANTED, found) == []


def test_what_is_missing_is_added_and_what_differs_is_changed() -> None:
    found = copy.deepcopy(WANTED)
    found.pop("charts/sales-overview.orders.yaml")
    found[CHART]["slice_name"] = "Turnover"
    found["datasets/warehouse/dashboard_sales.yaml"]["columns"].append({"column_name": "mine"})
    assert [(one.how, one.kind, one.fields) for one in changes(WANTED, found)] == [
        ("change", "dataset", ('columns.mine: only on the server: {"column_name": "mine"}',)),
        ("change", "chart", ('slice_name: "Turnover" → "Net revenue"',)),
        ("add", "chart", ()),
    ]


def test_what_changes_how_a_chart_looks_is_a_difference_though_nothing_of_it_is_declared() -> None:
    found = copy.deepcopy(WANTED)
    found[CHART]["params"] |= {"contributionMode": "row", "slice_id": 7, "url_params": {}, "zoomable": False}
    [place] = [
        one
        for one in found["dashboards/sales-overview.yaml"]["position"].values()
        if isinstance(one, dict) and one.get("id") == "CHART-orders"
    ]
    place["meta"]["sliceNameOverride"] = "Profit"
    assert [(one.kind, one.fields) for one in changes(WANTED, found)] == [
        (
            "chart",
            (
                'params.contributionMode: only on the server: "row"',
                "params.zoomable: only on the server: false",
            ),
        ),
        ("dashboard", ('position.CHART-orders.meta.sliceNameOverride: only on the server: "Profit"',)),
    ]


def test_a_filter_that_got_a_default_in_the_browser_is_a_difference() -> None:
    found = copy.deepcopy(WANTED)
    filters = found["dashboards/sales-overview.yaml"]["metadata"]["native_filter_configuration"]
    [store] = [one for one in filters if one["name"] == "Store"]
    store["defaultDataMask"] = {"filterState": {"value": ["Berlin"]}, "extraFormData": {}}
    [change] = changes(WANTED, found)
    assert change.kind == "dashboard"
    assert "Berlin" in str(change.fields)
