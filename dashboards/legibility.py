"""Rules for a dashboard that is read and not only looked at.

One question, answered from the top left: numbers, trend, ranking, detail. Each rule is here because a chart that broke
it has misled readers: a ranking of sixty bars, a heat map of a thousand cells, a number without a format.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.kinds import HeatMap, Number, Ranking, Text, Trend
from dashboards.periods import is_under_way

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dashboards.datasets import Figure
    from dashboards.declared import Dashboard
    from dashboards.kinds import Chart

_MOST_NUMBERS = 5
_MOST_CHARTS = 14
_MOST_BARS = 12
_LONGEST_TITLE = 70  # characters: more is cut off on a narrow screen
_LONGEST_NUMBER_TITLE = 24
_ORDER = {"number": 0, "trend": 1, "heat map": 2, "ranking": 2, "table": 3, "listing": 3}
# Pixels that a chart needs: below that, an axis or the last row is cut off.
_LEAST_HEIGHT = {"number": 18, "trend": 36, "ranking": 36, "heat map": 40, "table": 40, "listing": 40}
_LEAST_WIDTH = {"number": 2, "trend": 4, "ranking": 4, "heat map": 5, "table": 6, "listing": 6}


def illegible(dashboard: Dashboard, figures: Mapping[str, Mapping[str, Figure]]) -> list[str]:
    """What makes the dashboard hard to read: each with the chart and the rule."""
    default = dashboard.period.default if dashboard.period else ""
    return [
        *_of_the_page(dashboard),
        *(one for chart in dashboard.charts for one in _of_a_chart(chart, figures, default)),
        *_of_rows(dashboard),
    ]


def _of_the_page(dashboard: Dashboard) -> Iterator[str]:
    if not dashboard.question.endswith("?"):
        yield "the question ends with no question mark: a dashboard answers one"
    numbers = [one for one in dashboard.charts if isinstance(one, Number)]
    if len(numbers) > _MOST_NUMBERS:
        yield f"{len(numbers)} numbers: at most {_MOST_NUMBERS} are read"
    if len(dashboard.charts) > _MOST_CHARTS:
        yield f"{len(dashboard.charts)} charts: at most {_MOST_CHARTS}, else it answers more than one question"
    if not any(one.title == "Data as of" for one in numbers):
        yield "no number is titled Data as of: a reader cannot know how old the figures are"
    titles = [one.title for one in dashboard.charts]
    for title in sorted({one for one in titles if titles.count(one) > 1}):
        yield f"two charts are titled {title}"
    kinds = [
        max(_ORDER[one.kind] for one in row.charts if not isinstance(one, Text))
        for row in dashboard.rows
        if any(not isinstance(one, Text) for one in row.charts)
    ]
    if kinds != sorted(kinds):
        yield "rows are not in the order numbers, trend, ranking, detail"


def _of_a_chart(chart: Chart, figures: Mapping[str, Mapping[str, Figure]], default: str) -> Iterator[str]:
    longest = _LONGEST_NUMBER_TITLE if isinstance(chart, Number) else _LONGEST_TITLE
    if len(chart.title) > longest:
        yield f"{chart.name}: a title of {len(chart.title)} characters, at most {longest} fit"
    if chart.width < _LEAST_WIDTH[chart.kind]:
        yield f"{chart.name}: {chart.width} columns wide, a {chart.kind} needs {_LEAST_WIDTH[chart.kind]}"
    if isinstance(chart, Ranking) and chart.most > _MOST_BARS:
        yield f"{chart.name}: {chart.most} bars, at most {_MOST_BARS} are compared"
    offered = figures[chart.dataset]
    units = {offered[name].unit for name in chart.figures if name in offered}
    if isinstance(chart, Trend) and len(units) > 1:
        yield f"{chart.name}: {', '.join(sorted(units))} on one axis"
    if isinstance(chart, Trend) and chart.stacked and units - {"money", "count", "seconds"}:
        yield f"{chart.name}: stacks what does not add up"
    if getattr(chart, "compare", None) and is_under_way(chart.period or default):
        yield f"{chart.name}: compares a day that is under way"
    if isinstance(chart, HeatMap) and chart.across == chart.down:
        yield f"{chart.name}: both axes are {chart.across}"


def _of_rows(dashboard: Dashboard) -> Iterator[str]:
    for number, row in enumerate(dashboard.rows, 1):
        for one in row.charts:
            if not isinstance(one, Text) and row.height < _LEAST_HEIGHT[one.kind]:
                yield f"{one.name}: row {number} is {row.height} high, a {one.kind} needs {_LEAST_HEIGHT[one.kind]}"
