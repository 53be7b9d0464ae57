"""The compiler: declared dashboards to one of Superset's asset bundles, the same bytes for the same declarations."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from dashboards.charts import compile_chart
from dashboards.datasets import FILE, all_figures, dataset_asset
from dashboards.declared import Choice
from dashboards.identity import MARK, asset_id
from dashboards.kinds import Text
from dashboards.periods import DEFAULT_PERIOD, superset_range
from medallion.errors import DashboardInvalid

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dashboards.datasets import Figure
    from dashboards.declared import Dashboard, Dataset
    from dashboards.kinds import Chart
    from dashboards.relations import Relation

# superset/superset_config.py puts the login of the reader in its place when a connection is opened.
_WAREHOUSE = "postgresql+psycopg2://retail_reader@warehouse/retail"
_VERSION = "1.0.0"
_EPOCH = "2020-01-01T00:00:00+00:00"
_ZIP_TIME = (2020, 1, 1, 0, 0, 0)
# On a narrow screen the sign of the filters would cut off the title of a number.
_CSS = (
    "@media (max-width: 1200px) "
    "{ .dashboard-component-chart-holder:has(.superset-legacy-chart-big-number) .filter-counts { display: none } }"
)
Wrong = Mapping[str, Mapping[str, str]]  # data set → figure → what is wrong with it
Assets = dict[str, dict[str, Any]]  # path in the bundle, without its folder → content


@dataclass(frozen=True)
class Declared:
    """All that is declared, with what dbt says of the relations it names."""

    dashboards: Sequence[Dashboard]
    datasets: Mapping[str, Dataset]
    relations: Mapping[str, Relation]


def compile_assets(declared: Declared) -> Assets:
    """Every asset by its path. Raises DashboardInvalid, which names dashboard, chart and column of what is wrong."""
    figures, wrong = all_figures(declared.datasets, declared.relations)
    problems = [f"{FILE}, {name}: {text}" for name, found in wrong.items() for text in dict.fromkeys(found.values())]
    problems += [one for dashboard in declared.dashboards for one in _unknown(dashboard, declared, figures, wrong)]
    if problems:
        raise DashboardInvalid(file="superset/", problems=problems)
    used = sorted({name for one in declared.dashboards for name in one.datasets})
    assets: Assets = {"databases/warehouse.yaml": _database()}
    for name in used:
        assets[f"datasets/warehouse/{name}.yaml"] = dataset_asset(
            name, declared.datasets[name], declared.relations[name]
        )
    for dashboard in declared.dashboards:
        for chart in dashboard.charts:
            assets[f"charts/{dashboard.slug}.{chart.name}.yaml"] = _chart(dashboard, chart, declared, figures)
        assets[f"dashboards/{dashboard.slug}.yaml"] = _dashboard(dashboard, declared)
    return assets


def bundle_of(assets: Assets) -> bytes:
    """The assets as the ZIP file that Superset imports."""
    metadata = {"version": _VERSION, "type": "assets", "timestamp": _EPOCH}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as bundle:
        for path, content in {"metadata.yaml": metadata, **assets}.items():
            entry = zipfile.ZipInfo(f"retail/{path}", _ZIP_TIME)
            bundle.writestr(entry, yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
    return stream.getvalue()


def _unknown(
    dashboard: Dashboard, declared: Declared, figures: Mapping[str, Mapping[str, Figure]], wrong: Wrong
) -> Iterator[str]:
    """Data sets, columns and figures that are named and not there."""
    for one in (*dashboard.charts, *dashboard.filters):
        where = f"{dashboard.slug}, {'filter' if isinstance(one, Choice) else 'chart'} {one.name}"
        if one.dataset not in figures:
            yield f"{where}: {one.dataset} is not in superset/{FILE}"
            continue
        if one.dataset not in declared.relations:
            yield f"{where}: dbt's manifest has no model {one.dataset}"
            continue
        columns = declared.relations[one.dataset].columns
        names = [one.column] if isinstance(one, Choice) else _columns_of(one)
        yield from (f"{where}: {one.dataset} has no column {name}" for name in names if name not in columns)
        if not isinstance(one, Choice):
            time = declared.datasets[one.dataset].time
            yield from (f"{where}: {problem}" for problem in _not_offered(one, figures[one.dataset], wrong, time))


def _columns_of(chart: Chart) -> list[str]:
    """The columns that a chart names."""
    sorted_by = [chart.sort] if chart.kind == "listing" else []
    return list(dict.fromkeys([*chart.dimensions, *(text.split()[0] for text in chart.where), *sorted_by]))


def _not_offered(chart: Chart, offered: Mapping[str, Figure], wrong: Wrong, time: str | None) -> Iterator[str]:
    """The figures that a chart names and its data set has not, and a period that it cannot have."""
    known = ", ".join(offered) or "none"
    for one in chart.figures:
        if why := wrong.get(chart.dataset, {}).get(one):
            yield f"{one}: {why}"
        elif one not in offered:
            yield f"{chart.dataset} offers no figure {one}; it has {known}"
    if time is None and (chart.kind == "trend" or chart.period or getattr(chart, "compare", None)):
        yield f"{chart.dataset} has no time column in superset/{FILE}"


def _database() -> dict[str, Any]:
    return {
        "database_name": "Warehouse",
        "sqlalchemy_uri": _WAREHOUSE,
        "cache_timeout": 0,
        "expose_in_sqllab": True,
        "allow_run_async": False,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_dml": False,
        "allow_csv_upload": False,
        "extra": {"allows_virtual_table_explore": False, "metadata_params": {}, "engine_params": {}},
        "uuid": asset_id("database", "warehouse"),
        "version": _VERSION,
    }


def _chart(
    dashboard: Dashboard, chart: Chart, declared: Declared, figures: Mapping[str, Mapping[str, Figure]]
) -> dict[str, Any]:
    default = dashboard.period.default if dashboard.period else DEFAULT_PERIOD
    compiled = compile_chart(chart, declared.datasets[chart.dataset], figures[chart.dataset], default)
    context = {
        "datasource": {"id": 0, "type": "table"},
        "force": False,
        "queries": [compiled.query],
        "form_data": {**compiled.params, "datasource": "0__table"},
        "result_format": "json",
        "result_type": "full",
    }
    return {
        "slice_name": chart.title,
        "description": chart.note or None,
        "certified_by": MARK,
        "certification_details": f"superset/dashboards/{dashboard.slug}.yaml: {chart.name}",
        "viz_type": compiled.viz_type,
        "params": compiled.params,
        "query_context": json.dumps(context, sort_keys=True),
        "cache_timeout": None,
        "uuid": asset_id("chart", f"{dashboard.slug}/{chart.name}"),
        "version": _VERSION,
        "dataset_uuid": asset_id("dataset", chart.dataset),
    }


def _dashboard(dashboard: Dashboard, declared: Declared) -> dict[str, Any]:
    numbers = {one.name: index for index, one in enumerate(dashboard.charts, 1)}
    return {
        "dashboard_title": dashboard.title,
        "description": dashboard.question,
        "css": _CSS,
        "slug": dashboard.slug,
        "certified_by": MARK,
        "certification_details": f"superset/dashboards/{dashboard.slug}.yaml",
        "published": True,
        "uuid": asset_id("dashboard", dashboard.slug),
        "position": _position(dashboard, numbers),
        "metadata": {
            "native_filter_configuration": [*_filters(dashboard, declared, numbers)],
            "chart_configuration": {},
            "global_chart_configuration": {"scope": {"rootPath": ["ROOT_ID"], "excluded": []}},
            "cross_filters_enabled": False,
            "color_scheme": "supersetColors",
            "refresh_frequency": 0,
            "filter_bar_orientation": "HORIZONTAL",
            "label_colors": {},
            "shared_label_colors": [],
            "color_scheme_domain": [],
            "expanded_slices": {},
            "timed_refresh_immune_slices": [],
        },
        "version": _VERSION,
    }


def _position(dashboard: Dashboard, numbers: Mapping[str, int]) -> dict[str, Any]:
    """The layout: a grid of rows, each component under its id."""
    rows = [f"ROW-{index}" for index, _ in enumerate(dashboard.rows, 1)]
    found: dict[str, Any] = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
        "GRID_ID": {"type": "GRID", "id": "GRID_ID", "children": rows, "parents": ["ROOT_ID"]},
        "HEADER_ID": {"type": "HEADER", "id": "HEADER_ID", "meta": {"text": dashboard.title}},
    }
    for index, row in enumerate(dashboard.rows, 1):
        parents = ["ROOT_ID", "GRID_ID", f"ROW-{index}"]
        children = []
        for number, one in enumerate(row.charts, 1):
            if isinstance(one, Text):
                name, kind = f"MARKDOWN-{index}-{number}", "MARKDOWN"
                meta: dict[str, Any] = {"code": one.text}
            else:
                name, kind = f"CHART-{one.name}", "CHART"
                identity = asset_id("chart", f"{dashboard.slug}/{one.name}")
                meta = {"chartId": numbers[one.name], "uuid": identity, "sliceName": one.title}
            meta |= {"width": one.width, "height": row.height}
            found[name] = {"type": kind, "id": name, "children": [], "parents": parents, "meta": meta}
            children.append(name)
        found[f"ROW-{index}"] = {
            "type": "ROW",
            "id": f"ROW-{index}",
            "children": children,
            "parents": parents[:2],
            "meta": {"background": "BACKGROUND_TRANSPARENT"},
        }
    return found


def _filters(dashboard: Dashboard, declared: Declared, numbers: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    """The filters. Each leaves out the charts that it cannot or must not change."""
    if dashboard.period:
        fixed = [one.name for one in dashboard.charts if one.period or declared.datasets[one.dataset].time is None]
        yield {
            "id": "NATIVE_FILTER-period",
            "name": dashboard.period.name,
            "filterType": "filter_time",
            "targets": [{}],
            "defaultDataMask": _mask(
                {"time_range": superset_range(dashboard.period.default)}, superset_range(dashboard.period.default)
            ),
            **_scope(fixed, numbers),
        }
    for choice in dashboard.filters:
        without = [
            one.name
            for one in dashboard.charts
            if choice.name in one.ignores or choice.column not in declared.relations[one.dataset].columns
        ]
        yield _choice(choice) | _scope(without, numbers)


def _choice(choice: Choice) -> dict[str, Any]:
    chosen = [choice.default] if choice.default else None
    applied = {"filters": [{"col": choice.column, "op": "IN", "val": chosen}]} if chosen else {}
    return {
        "id": f"NATIVE_FILTER-{choice.column.replace('_', '-')}",
        "name": choice.name,
        "filterType": "filter_select",
        "targets": [{"datasetUuid": asset_id("dataset", choice.dataset), "column": {"name": choice.column}}],
        "defaultDataMask": _mask(applied, chosen),
        "controlValues": {
            "enableEmptyFilter": choice.single,
            "multiSelect": not choice.single,
            "defaultToFirstItem": False,
            "inverseSelection": False,
            "searchAllOptions": False,
            "sortAscending": True,
        },
    }


def _mask(applied: dict[str, Any], value: Any) -> dict[str, Any]:
    return {"extraFormData": applied, "filterState": {"value": value} if value else {}, "ownState": {}}


def _scope(without: list[str], numbers: Mapping[str, int]) -> dict[str, Any]:
    excluded = [numbers[name] for name in without]
    return {
        "cascadeParentIds": [],
        "scope": {"rootPath": ["ROOT_ID"], "excluded": excluded},
        "type": "NATIVE_FILTER",
        "description": "",
    }
