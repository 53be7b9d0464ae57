"""The rules of a legible dashboard: ours keep them, and each finds what breaks it."""

from __future__ import annotations

import pytest

from dashboards.datasets import all_figures
from dashboards.declared import Dashboard
from dashboards.legibility import illegible
from tests.dashboard_files import CHART, NUMBER, dashboard_of, declared

KNOWN = declared()
FIGURES, _ = all_figures(KNOWN.datasets, KNOWN.relations)
TREND = {"kind": "trend", "name": "trend", "title": "Trend", "width": 6, "dataset": "dashboard_sales"}


@pytest.mark.parametrize("dashboard", KNOWN.dashboards, ids=lambda one: one.slug)
def test_our_dashboards_are_legible(dashboard: Dashboard) -> None:
    assert illegible(dashboard, FIGURES) == []


def test_a_legible_page_has_no_finding() -> None:
    assert illegible(dashboard_of(NUMBER), FIGURES) == []


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (dashboard_of(NUMBER, question="Figures."), "question mark"),
        (dashboard_of(CHART), "Data as of"),
        (dashboard_of(*({**NUMBER, "name": f"n{i}", "title": f"T{i}"} for i in range(6))), "6 numbers"),
        (dashboard_of(NUMBER, {**NUMBER, "name": "again"}), "two charts are titled Data as of"),
        (dashboard_of({**NUMBER, "title": "x" * 30}), "a title of 30 characters"),
        (dashboard_of(NUMBER, {**CHART, "width": 3}), "a ranking needs 4"),
        (dashboard_of(NUMBER, {**CHART, "most": 20}), "20 bars"),
        (dashboard_of(NUMBER, CHART, height=20), "a ranking needs 36"),
        (dashboard_of(NUMBER, {**TREND, "shows": ["net_revenue", "orders"]}), "count, money on one axis"),
        (dashboard_of(NUMBER, {**TREND, "shows": ["margin_rate"], "stacked": True}), "does not add up"),
        (
            dashboard_of(NUMBER, {**TREND, "shows": ["orders"], "compare": "1 week ago", "period": "today"}),
            "under way",
        ),
        (
            dashboard_of(
                rows=[
                    {"height": 40, "charts": [CHART]},
                    {"height": 40, "charts": [NUMBER]},
                ]
            ),
            "not in the order",
        ),
    ],
)
def test_a_rule_finds_what_breaks_it(page: Dashboard, words: str) -> None:
    assert words in " ".join(illegible(page, FIGURES))
