"""From Superset back to a declaration: what a person has changed in the browser.

A chart, a filter or a layout that the declarations cannot say is an error that names it, and nothing is written. What
Superset's editor can set on a chart and a declaration cannot say, such as a color, stays a difference that `plan`
shows.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from dashboards.declared import Dashboard
from dashboards.files import problems_of
from dashboards.forms import GRAINS
from dashboards.identity import asset_id
from dashboards.periods import NO_PERIOD, period_of
from medallion.errors import DashboardInvalid, DashboardServerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dashboards.bundle import Declared

_GRAIN_OF = {code: name for name, code in GRAINS.items()}
_DATASETS = "datasets/"


@dataclass
class _Page:
    """A dashboard of an export, with what is needed to read it. `problems` collects what a declaration cannot say."""

    asset: Mapping[str, Any]
    assets: Mapping[str, Mapping[str, Any]]
    declared: Declared
    problems: list[str] = field(default_factory=list)

    @property
    def slug(self) -> str:
        return str(self.asset["slug"])

    @property
    def filters(self) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = self.asset["metadata"].get("native_filter_configuration", [])
        return found

    @property
    def known(self) -> Dashboard | None:
        return next((one for one in self.declared.dashboards if one.slug == self.slug), None)

    def of_kind(self, folder: str) -> dict[str, Mapping[str, Any]]:
        """The assets of a folder by their uuid."""
        return {one["uuid"]: one for path, one in self.assets.items() if path.startswith(folder)}

    def period(self, text: str, where: str) -> str | None:
        """The period of a time range."""
        if text in ("", NO_PERIOD):
            return None
        found = period_of(text)
        if found is None:
            self.problems.append(f"{where}: the time range {text!r} isn't a period of a declaration")
        return found


def with_titles_of_pages(assets: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The assets of an export, with a title that a chart has on a page alone as the title of the chart."""
    found: dict[str, dict[str, Any]] = copy.deepcopy(dict(assets))  # type: ignore[arg-type]
    charts = {one["uuid"]: one for path, one in found.items() if path.startswith("charts/")}
    for path, page in found.items():
        for part in page["position"].values() if path.startswith("dashboards/") else ():
            meta = part.get("meta", {}) if isinstance(part, dict) else {}
            if (title := meta.pop("sliceNameOverride", None)) and meta.get("uuid") in charts:
                meta["sliceName"] = charts[meta["uuid"]]["slice_name"] = title
    return found


def decompile(slug: str, assets: Mapping[str, Mapping[str, Any]], declared: Declared) -> Dashboard:
    """The dashboard as an export of the server has it. Raises DashboardInvalid, with what a declaration cannot say."""
    asset = next(
        (one for path, one in assets.items() if path.startswith("dashboards/") and one.get("slug") == slug), None
    )
    if asset is None:
        raise DashboardServerError(
            f"Superset has no dashboard {slug}", remedy="give the end of its address, such as sales-overview"
        )
    page = _Page(asset, assets, declared)
    content = _content(page)
    if page.problems:
        raise DashboardInvalid(file=f"the dashboard {slug} of Superset", problems=page.problems)
    try:
        return Dashboard.model_validate(content)
    except ValidationError as error:
        raise DashboardInvalid(
            file=f"the dashboard {slug} of Superset", problems=problems_of(error, content)
        ) from error


def _content(page: _Page) -> dict[str, Any]:
    known = page.known
    found: dict[str, Any] = {
        "slug": page.slug,
        "title": page.asset["dashboard_title"],
        "question": page.asset.get("description") or "",
        "roles": list(known.roles) if known else ["viewer"],
    }
    default = None
    for one in page.filters:
        if one["filterType"] == "filter_time":
            default = page.period(
                one["defaultDataMask"]["extraFormData"].get("time_range", ""), f"filter {one['name']}"
            )
            found["period"] = {"name": one["name"], "default": default or ""}
        elif one["filterType"] != "filter_select":
            page.problems.append(f"filter {one['name']}: {one['filterType']} has no declaration")
    choices = [one for one in page.filters if one["filterType"] == "filter_select"]
    found["filters"] = [read for one in choices if (read := _read(page, f"filter {one['name']}", _choice, one))]
    found["rows"] = list(_rows(page, default))
    return found


def _choice(page: _Page, one: Mapping[str, Any]) -> dict[str, Any]:
    target = one["targets"][0]
    dataset = page.of_kind(_DATASETS).get(target.get("datasetUuid", ""), {}).get("table_name", "")
    chosen = one["defaultDataMask"].get("filterState", {}).get("value") or []
    if len(chosen) > 1:
        page.problems.append(f"filter {one['name']}: several values are chosen at first")
    found = {"name": one["name"], "dataset": dataset, "column": target.get("column", {}).get("name", "")}
    if not one.get("controlValues", {}).get("multiSelect", True):
        found["single"] = True
    return found | ({"default": chosen[0]} if chosen else {})


def _rows(page: _Page, default: str | None) -> Iterator[dict[str, Any]]:
    position = page.asset["position"]
    for row in position["GRID_ID"]["children"]:
        if position[row]["type"] != "ROW":
            page.problems.append(f"{position[row]['type']} in the layout: a declaration has rows of charts")
            continue
        parts = [position[name] for name in position[row]["children"]]
        charts = [found for one in parts if (found := _part(page, one, default))]
        heights = [one["meta"]["height"] for one in parts if "height" in one["meta"]]
        yield {"height": max(heights, default=0), "charts": charts}


def _part(page: _Page, one: Mapping[str, Any], default: str | None) -> dict[str, Any] | None:
    if one["type"] == "MARKDOWN":
        return {"kind": "text", "width": one["meta"]["width"], "text": one["meta"]["code"]}
    if one["type"] != "CHART":
        page.problems.append(f"{one['type']} in a row of the layout has no declaration")
        return None
    asset = page.of_kind("charts/").get(one["meta"]["uuid"])
    if asset is None:
        page.problems.append(f"chart {one['meta'].get('sliceName', one['meta']['uuid'])} is not in the export")
        return None
    title = asset["slice_name"]
    return _read(page, f"chart {title}", _chart, asset, one["meta"], title, default)


def _read(page: _Page, what: str, read: Callable[..., dict[str, Any] | None], *parts: Any) -> dict[str, Any] | None:
    """What `read` makes of the parts; settings that it does not know are a problem of the page."""
    try:
        return read(page, *parts)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        page.problems.append(f"{what}: its settings have no declaration ({type(error).__name__}: {error})")
        return None


def _chart(
    page: _Page, asset: Mapping[str, Any], meta: Mapping[str, Any], title: str, default: str | None
) -> dict[str, Any] | None:
    dataset = page.of_kind(_DATASETS).get(asset["dataset_uuid"], {}).get("table_name", "")
    params, kind = asset["params"], asset["viz_type"]
    if dataset not in page.declared.datasets:
        page.problems.append(f"chart {title}: the data set {dataset} is not in superset/datasets.yaml")
        return None
    time = page.declared.datasets[dataset].time
    reader = _READERS.get((kind, _flavor(kind, params, time)))
    if reader is None:
        page.problems.append(f"chart {title}: {kind} has no declaration")
        return None
    found = {
        "name": _name(page, meta["uuid"], title),
        "title": title,
        "width": meta["width"],
        "dataset": dataset,
    }
    conditions = [one for one in params["adhoc_filters"] if one["expressionType"] == "SIMPLE"]
    ranges = [one["comparator"] for one in conditions if one["operator"] == "TEMPORAL_RANGE"]
    if any(one["expressionType"] != "SIMPLE" and one["clause"] != "HAVING" for one in params["adhoc_filters"]):
        page.problems.append(f"chart {title}: a filter in SQL has no declaration")
    period = page.period(ranges[0], f"chart {title}") if ranges else None
    if period and (period != default or (page.known is not None and _has_own(page, meta["uuid"]))):
        found["period"] = period
    ignored = [
        one["name"]
        for one in page.filters
        if one["filterType"] == "filter_select" and _ignores(page, one, meta, dataset)
    ]
    where = [_condition(one) for one in conditions if one["operator"] != "TEMPORAL_RANGE"]
    note = {"note": asset["description"]} if asset.get("description") else {}
    return (
        found | note | ({"ignores": ignored} if ignored else {}) | ({"where": where} if where else {}) | reader(params)
    )


def _has_own(page: _Page, uuid: str) -> bool:
    """Whether the declared chart has a period of its own, though it is the one of the filter."""
    known = page.known
    return any(
        one.period is not None and asset_id("chart", f"{page.slug}/{one.name}") == uuid
        for one in (known.charts if known else ())
    )


def _ignores(page: _Page, one: Mapping[str, Any], meta: Mapping[str, Any], dataset: str) -> bool:
    column = one["targets"][0].get("column", {}).get("name", "")
    return meta["chartId"] in one["scope"]["excluded"] and column in page.declared.relations[dataset].columns


def _name(page: _Page, uuid: str, title: str) -> str:
    """The declared name of a chart of ours, else one made of its title."""
    for one in page.known.charts if page.known else ():
        if asset_id("chart", f"{page.slug}/{one.name}") == uuid:
            return one.name
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def _condition(one: Mapping[str, Any]) -> str:
    value = one.get("comparator")
    shown = str(value).lower() if isinstance(value, bool) else value
    return f"{one.get('subject')} {'=' if one['operator'] == '==' else one['operator']} {shown}"


def _flavor(kind: str, params: Mapping[str, Any], time: str | None) -> str:
    """What tells two declared kinds of one kind of Superset apart."""
    if kind == "table":
        return str(params.get("query_mode", "aggregate"))
    if kind in ("echarts_timeseries_bar", "echarts_timeseries_line"):
        return "time" if params.get("x_axis") == time else "names"
    return ""


def _number(params: Mapping[str, Any]) -> dict[str, Any]:
    return {"kind": "number", "figure": params["metric"]}


def _number_over_days(params: Mapping[str, Any]) -> dict[str, Any]:
    days = int(params.get("compare_lag") or 0)
    number, unit = (days // 7, "week") if days % 7 == 0 else (days, "day")
    return _number(params) | {"compare": f"{number} {unit}{'s' if number > 1 else ''} ago"}


def _trend(params: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "kind": "trend",
        "shows": params["metrics"],
        "grain": _GRAIN_OF.get(params.get("time_grain_sqla", ""), params.get("time_grain_sqla")),
        "as_columns": params["viz_type"] == "echarts_timeseries_bar",
        "stacked": params.get("stack") == "Stack",
    }
    if params.get("groupby"):
        found |= {"by": params["groupby"][0], "most": params.get("limit") or 8}
    return found | _compared(params)


def _ranking(params: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "kind": "ranking",
        "by": params["x_axis"],
        "figure": params["metrics"][0],
        "most": int(params["row_limit"]),
    }


def _table(params: Mapping[str, Any]) -> dict[str, Any]:
    found = {"kind": "table", "by": params["groupby"], "shows": params["metrics"], "most": int(params["row_limit"])}
    return found | _compared(params)


def _listing(params: Mapping[str, Any]) -> dict[str, Any]:
    column, ascending = re.findall(r'^\["(\w+)", ?(true|false)\]$', params["order_by_cols"][0])[0]
    found = {"kind": "listing", "columns": params["all_columns"], "sort": column, "most": int(params["row_limit"])}
    return found | ({"ascending": True} if ascending == "true" else {})


def _heat_map(params: Mapping[str, Any]) -> dict[str, Any]:
    found = {"kind": "heat map", "across": params["x_axis"], "down": params["groupby"], "figure": params["metric"]}
    return found | ({"values": True} if params.get("show_values") else {})


def _compared(params: Mapping[str, Any]) -> dict[str, Any]:
    compare = params.get("time_compare") or []
    return {"compare": compare[0] if isinstance(compare, list) else compare} if compare else {}


_READERS: dict[tuple[str, str], Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    ("big_number_total", ""): _number,
    ("big_number", ""): _number_over_days,
    ("echarts_timeseries_line", "time"): _trend,
    ("echarts_timeseries_bar", "time"): _trend,
    ("echarts_timeseries_bar", "names"): _ranking,
    ("table", "aggregate"): _table,
    ("table", "raw"): _listing,
    ("heatmap_v2", ""): _heat_map,
}
