"""What each kind of chart is in Superset: its plug-in, the settings of its editor, and what is its own in the query.

A kind is a function here, and its way back is a function in dashboards/decompiling.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboards.datasets import FORMATS, unit_of_name
from dashboards.kinds import HeatMap, Listing, Number, Ranking, Table, Trend

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dashboards.datasets import Figure
    from dashboards.declared import Dataset

GRAINS = {"hour": "PT1H", "day": "P1D", "week": "P1W", "month": "P1M"}
_TIME_FORMATS = {"hour": "%d %b %H:%M", "day": "%d %b", "week": "%d %b", "month": "%b %Y"}
MOST_ROWS = 10_000
_COLORS = "supersetColors"
# A heat map of one color: a figure has no good and no bad half.
_SHADES = "superset_seq_1"
Form = tuple[str, dict[str, Any], dict[str, Any]]  # plug-in, settings, query


def _number(chart: Number, dataset: Dataset, figures: Mapping[str, Figure]) -> Form:
    unit = figures[chart.figure].unit
    params: dict[str, Any] = {"metric": chart.figure, "y_axis_format": FORMATS[unit], "header_font_size": 0.3}
    if unit in ("moment", "day"):
        moment = {"force_timestamp_formatting": True, "time_format": FORMATS[unit], "y_axis_format": "SMART_NUMBER"}
        return "big_number_total", params | moment | _below(chart), {}
    if chart.compare is None:
        return "big_number_total", params | _below(chart), {}
    return "big_number", params | _over_days(chart, str(dataset.time)), _of_days(chart, str(dataset.time))


def _over_days(chart: Number, time: str) -> dict[str, Any]:
    """The figure of the last day, its change to so many days before, and a line of all days."""
    return {
        "x_axis": time,
        "time_grain_sqla": GRAINS["day"],
        "compare_lag": lag_of(str(chart.compare)),
        "compare_suffix": chart.note,
        "show_timestamp": True,
        "show_trend_line": True,
        "start_y_axis_at_zero": True,
        "time_format": "%a %d %b %Y",
        "header_font_size": 0.3,
        "subheader_font_size": 0.125,
        "rolling_type": "None",
        "resample_rule": "1D",
        "resample_method": "asfreq",
    }


def _of_days(chart: Number, time: str) -> dict[str, Any]:
    """A day without a row keeps its place, empty: else the change would be to another weekday."""
    return {
        "columns": [_axis(time, GRAINS["day"])],
        "orderby": [[time, True]],
        "extras": {"having": "", "where": "", "time_grain_sqla": GRAINS["day"]},
        "post_processing": [
            {
                "operation": "pivot",
                "options": {
                    "index": [time],
                    "columns": [],
                    "aggregates": {chart.figure: {"operator": "mean"}},
                    "drop_missing_columns": True,
                },
            },
            {"operation": "resample", "options": {"method": "asfreq", "rule": "1D", "fill_value": None}},
            {"operation": "flatten"},
        ],
    }


def _below(chart: Number) -> dict[str, Any]:
    return {"subtitle": chart.note, "subtitle_font_size": 0.15} if chart.note else {}


def _trend(chart: Trend, dataset: Dataset, figures: Mapping[str, Figure]) -> Form:
    time = str(dataset.time)
    names = [chart.by] if chart.by else []
    params = {
        "x_axis": time,
        "time_grain_sqla": GRAINS[chart.grain],
        "x_axis_sort_asc": True,
        "metrics": list(chart.shows),
        "groupby": names,
        "limit": chart.most if chart.by else 0,
        "order_desc": True,
        "row_limit": MOST_ROWS,
        "truncate_metric": True,
        "show_empty_columns": True,
        "comparison_type": "values",
        "time_compare": [chart.compare] if chart.compare else [],
        "color_scheme": _COLORS,
        "seriesType": "bar" if chart.as_columns else "line",
        "stack": "Stack" if chart.stacked else None,
        "opacity": 0.2,
        "markerEnabled": False,
        "show_legend": bool(chart.by or chart.compare or len(chart.shows) > 1),
        "legendType": "scroll",
        "legendOrientation": "top",
        "x_axis_time_format": _TIME_FORMATS[chart.grain],
        "tooltipTimeFormat": _TIME_FORMATS[chart.grain],
        "rich_tooltip": True,
        "y_axis_format": FORMATS[figures[chart.shows[0]].unit],
        "y_axis_bounds": [0, None] if chart.as_columns else [None, None],
        "truncateYAxis": False,
        "x_axis_title_margin": 15,
        "y_axis_title_margin": 15,
    }
    query = {
        "columns": [_axis(time, GRAINS[chart.grain]), *names],
        "series_columns": names,
        "series_limit": chart.most if chart.by else 0,
        "orderby": [[chart.shows[0], False]],
        "time_offsets": [chart.compare] if chart.compare else [],
        "extras": {"having": "", "where": "", "time_grain_sqla": GRAINS[chart.grain]},
        "post_processing": _pivot(time, names, chart.shows, chart.compare),
    }
    viz = "echarts_timeseries_bar" if chart.as_columns else "echarts_timeseries_line"
    return viz, params | ({"orientation": "vertical"} if chart.as_columns else {}), query


def _ranking(chart: Ranking, _dataset: Dataset, figures: Mapping[str, Figure]) -> Form:
    params = {
        "x_axis": chart.by,
        "xAxisForceCategorical": True,
        "metrics": [chart.figure],
        "groupby": [],
        "order_desc": True,
        "row_limit": chart.most,
        "truncate_metric": True,
        "show_empty_columns": True,
        "comparison_type": "values",
        "orientation": "horizontal",
        "color_scheme": _COLORS,
        "show_value": True,
        "show_legend": False,
        "rich_tooltip": True,
        "y_axis_format": FORMATS[figures[chart.figure].unit],
        "y_axis_bounds": [None, None],
        "truncateYAxis": False,
        "x_axis_title_margin": 15,
        "y_axis_title_margin": 15,
        "x_axis_sort": chart.figure,
        "x_axis_sort_asc": True,
    }
    query = {
        "columns": [_axis(chart.by, None)],
        "series_columns": [],
        "row_limit": chart.most,
        "orderby": [[chart.figure, False]],
        "post_processing": _pivot(chart.by, [], [chart.figure], None),
    }
    return "echarts_timeseries_bar", params, query


def _table(chart: Table, _dataset: Dataset, figures: Mapping[str, Figure]) -> Form:
    params = {
        "query_mode": "aggregate",
        "groupby": list(chart.by),
        "metrics": list(chart.shows),
        "percent_metrics": [],
        "all_columns": [],
        "order_by_cols": [],
        "timeseries_limit_metric": chart.shows[0],
        "order_desc": True,
        "row_limit": chart.most,
        "server_page_length": 10,
        "table_timestamp_format": "%Y-%m-%d",
        "allow_render_html": False,
        "show_cell_bars": False,
        "color_pn": False,
        "comparison_type": "values",
        "time_compare": [chart.compare] if chart.compare else [],
        "column_config": _formats(chart, figures),
    }
    query = {
        "columns": list(chart.by),
        "orderby": [[chart.shows[0], False]],
        "row_limit": chart.most,
        "time_offsets": [chart.compare] if chart.compare else [],
    }
    return "table", params, query


def _formats(chart: Table, figures: Mapping[str, Figure]) -> dict[str, Any]:
    """The format of each column. With a comparison Superset shows four a figure: the value and its change stay."""
    formats: dict[str, dict[str, Any]] = {one: {"d3NumberFormat": FORMATS[figures[one].unit]} for one in chart.shows}
    if chart.compare is None:
        return formats
    for one in chart.shows:
        formats |= {f"Main {one}": formats[one], f"# {one}": {"visible": False}, f"△ {one}": {"visible": False}}
        formats[f"% {one}"] = {"d3NumberFormat": "+.1%"}
    return formats


def _listing(chart: Listing, _dataset: Dataset, _figures: Mapping[str, Figure]) -> Form:
    order = [[chart.sort, chart.ascending]]
    units = {one: unit_of_name(one) for one in chart.columns}
    params = {
        "query_mode": "raw",
        "groupby": [],
        "metrics": [],
        "all_columns": list(chart.columns),
        "order_by_cols": [f'["{chart.sort}", {"true" if chart.ascending else "false"}]'],
        "row_limit": chart.most,
        "server_page_length": 10,
        "table_timestamp_format": "%Y-%m-%d %H:%M",
        "allow_render_html": False,
        "show_cell_bars": False,
        "color_pn": False,
        "column_config": {one: {"d3NumberFormat": FORMATS[unit]} for one, unit in units.items() if unit},
    }
    return "table", params, {"columns": list(chart.columns), "metrics": [], "orderby": order, "row_limit": chart.most}


def _heat_map(chart: HeatMap, _dataset: Dataset, figures: Mapping[str, Figure]) -> Form:
    params = {
        "x_axis": chart.across,
        "groupby": chart.down,
        "metric": chart.figure,
        "sort_x_axis": "alpha_asc",
        "sort_y_axis": "alpha_desc",
        "normalize_across": "heatmap",
        "legend_type": "continuous",
        "linear_color_scheme": _SHADES,
        "xscale_interval": -1,
        "yscale_interval": -1,
        "left_margin": 130,
        "bottom_margin": 35,
        "value_bounds": [None, None],
        "x_axis_time_format": "%b %Y",
        "y_axis_format": FORMATS[figures[chart.figure].unit],
        "show_legend": True,
        "show_percentage": False,
        "show_values": chart.values,
        "row_limit": MOST_ROWS,
    }
    query = {
        "columns": [_axis(chart.across, None), chart.down],
        "orderby": [[chart.across, True], [chart.down, False]],
        "row_limit": MOST_ROWS,
        "post_processing": [{"operation": "rank", "options": {"metric": chart.figure, "group_by": None}}],
    }
    return "heatmap_v2", params, query


def _axis(column: str, grain: str | None) -> dict[str, Any]:
    axis = {"columnType": "BASE_AXIS", "sqlExpression": column, "label": column, "expressionType": "SQL"}
    return axis | ({"timeGrain": grain} if grain else {})


def _pivot(index: str, columns: list[str], shows: Sequence[str], offset: str | None) -> list[dict[str, Any]]:
    """Long rows to one column per line, as the browser asks for."""
    names = [*shows, *(f"{one}__{offset}" for one in shows if offset)]
    aggregates = {one: {"operator": "mean"} for one in names}
    options = {"index": [index], "columns": columns, "aggregates": aggregates, "drop_missing_columns": False}
    steps: list[dict[str, Any]] = [{"operation": "pivot", "options": options}]
    if columns and len(shows) == 1 and not offset:
        renamed = {"columns": {shows[0]: None}, "level": 0, "inplace": True}
        steps.append({"operation": "rename", "options": renamed})
    return [*steps, {"operation": "flatten"}]


def lag_of(comparison: str) -> int:
    """The days of a comparison: `1 week ago` is 7."""
    number, unit, _ = comparison.split()
    return int(number) * {"day": 1, "week": 7}[unit.removesuffix("s")]


FORMS: dict[type, Callable[..., Form]] = {
    Number: _number,
    Trend: _trend,
    Ranking: _ranking,
    Table: _table,
    Listing: _listing,
    HeatMap: _heat_map,
}
