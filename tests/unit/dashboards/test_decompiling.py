"""Back from Superset: what was compiled is read as what was declared, and a change as that change."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from dashboards.bundle import compile_assets
from dashboards.declared import Dashboard
from dashboards.decompiling import decompile, with_titles_of_pages
from dashboards.difference import changes
from medallion.errors import DashboardInvalid, DashboardServerError
from tests.dashboard_files import declared

KNOWN = declared()
ASSETS = compile_assets(KNOWN)
SLUG = "sales-overview"


def changed() -> tuple[dict[str, Any], dict[str, Any]]:
    """The assets as a server has them, and those of the chart of stores."""
    found = copy.deepcopy(ASSETS)
    return found, found[f"charts/{SLUG}.revenue-by-store.yaml"]


@pytest.mark.parametrize("dashboard", KNOWN.dashboards, ids=lambda one: one.slug)
def test_what_was_compiled_is_read_as_what_was_declared(dashboard: Dashboard) -> None:
    assert decompile(dashboard.slug, ASSETS, KNOWN) == dashboard


def test_a_change_in_the_browser_is_a_change_of_the_declaration() -> None:
    assets, chart = changed()
    chart["slice_name"] = "Five stores"
    chart["params"] |= {"row_limit": "5", "metrics": ["orders"]}
    assets[f"dashboards/{SLUG}.yaml"]["dashboard_title"] = "Sales"
    found = decompile(SLUG, assets, KNOWN)
    [ranking] = [one for one in found.charts if one.name == "revenue-by-store"]
    assert (found.title, ranking.title, ranking.figures, ranking.most) == ("Sales", "Five stores", ("orders",), 5)


def test_a_title_on_the_page_alone_is_the_title() -> None:
    assets, _ = changed()
    assets[f"dashboards/{SLUG}.yaml"]["position"]["CHART-orders"]["meta"]["sliceNameOverride"] = "Profit"
    titled = with_titles_of_pages(assets)
    dashboard = decompile(SLUG, titled, KNOWN)
    assert "Profit" in [one.title for one in dashboard.charts]
    others = [one for one in KNOWN.dashboards if one.slug != SLUG]
    assert changes(compile_assets(replace(KNOWN, dashboards=[*others, dashboard])), titled) == []


def test_a_chart_that_somebody_has_added_gets_a_name_from_its_title() -> None:
    assets, chart = changed()
    added = copy.deepcopy(chart) | {"uuid": "11111111-1111-1111-1111-111111111111", "slice_name": "Stores, again"}
    assets["charts/Stores_again_99.yaml"] = added
    position = assets[f"dashboards/{SLUG}.yaml"]["position"]
    position["ROW-1"]["children"].append("CHART-new")
    meta = {"chartId": 99, "uuid": added["uuid"], "sliceName": "Stores, again", "width": 4, "height": 40}
    position["CHART-new"] = {"type": "CHART", "id": "CHART-new", "children": [], "meta": meta}
    position["ROW-1"]["children"] = ["CHART-net-revenue", "CHART-new"]
    assert [one.name for one in decompile(SLUG, assets, KNOWN).rows[0].charts] == ["net-revenue", "stores-again"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"viz_type": "pie"}, "chart Ten stores with the most net revenue: pie has no declaration"),
        ({"dataset_uuid": "22222222-2222-2222-2222-222222222222"}, "the data set  is not in superset/datasets.yaml"),
    ],
)
def test_what_a_declaration_cannot_say_is_named_with_its_chart(change: dict[str, Any], words: str) -> None:
    assets, chart = changed()
    chart |= change
    with pytest.raises(DashboardInvalid) as refused:
        decompile(SLUG, assets, KNOWN)
    assert words in " ".join(refused.value.problems)


def test_a_time_range_of_a_persons_own_is_named() -> None:
    assets, chart = changed()
    chart["params"]["adhoc_filters"][0]["comparator"] = "Last quarter"
    with pytest.raises(DashboardInvalid, match="the time range 'Last quarter' isn't a period"):
        decompile(SLUG, assets, KNOWN)


def test_a_dashboard_that_is_not_there_is_named() -> None:
    with pytest.raises(DashboardServerError, match="Superset has no dashboard sales"):
        decompile("sales", ASSETS, KNOWN)
