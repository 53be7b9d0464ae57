"""Where the charts draw what: heights in proportion, labels apart, foreign text escaped."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from report.charts import Bar, bar_of, columns_chart, days_chart, heat_map, top_of


def rects(svg: str, kind: str) -> list[tuple[float, float]]:
    """Top and height of each rectangle of a class."""
    found = re.findall(rf'<rect class="{kind}" x="[-\d.]+" y="([-\d.]+)" width="[\d.]+" height="([\d.]+)"', svg)
    return [(float(top), float(height)) for top, height in found]


@pytest.mark.parametrize(("values", "top"), [([], 1), ([0, -5], 1), ([1], 1), ([366_870, 2], 400_000), ([0.3], 0.4)])
def test_an_axis_ends_at_a_round_value_above_all(values: list[float], top: float) -> None:
    assert top_of(values) == pytest.approx(top)


def test_bars_are_in_proportion_and_a_negative_day_has_none() -> None:
    bars = [Bar("a", "a", 100), Bar("b", "b", 50), Bar("c", "c", -20)]
    drawn = rects(days_chart(bars, 1040, 260, str, label_every=1), "bar")
    assert drawn[0][1] == pytest.approx(2 * drawn[1][1], abs=0.2)
    assert drawn[2][1] == 0
    assert len({round(top + height, 1) for top, height in drawn}) == 1  # all stand on one line


def test_labels_next_to_the_last_day_do_not_lie_on_each_other() -> None:
    bars = [Bar("a", "a", 100, 100, 100)]
    svg = days_chart(bars, 1040, 260, str, label_every=1)
    labels = re.findall(r'<text class="(?:name|week-label|year-label)" x="[\d.]+" y="([\d.]+)"', svg)
    heights = sorted(map(float, labels))
    assert len(heights) == 3
    assert all(later - earlier >= 12 for earlier, later in pairwise(heights))


def test_a_year_that_is_not_known_has_no_line() -> None:
    assert "year" not in days_chart([Bar("a", "a", 1, 2, None)], 1040, 260, str, label_every=1)
    assert 'class="year"' in days_chart([Bar("a", "a", 1, 2, 3)], 1040, 260, str, label_every=1)


def test_the_strongest_hour_is_darkest() -> None:
    svg = heat_map([("Mon", [0.0] * 23 + [8.0], "8")], 1040, lambda _, hour: f"hour {hour}")
    strengths = re.findall(r'fill-opacity="([\d.]+)"><title>hour (\d+)', svg)
    assert max(strengths, key=lambda one: float(one[0])) == ("1.00", "23")


def test_a_failed_run_stands_out() -> None:
    svg = columns_chart([("one", 3.0, "bar"), ("two", 6.0, "failed")], 400, 120, str)
    assert len(rects(svg, "bar")) == len(rects(svg, "failed")) == 1


@pytest.mark.parametrize(("part", "width"), [(5, "50.0%"), (20, "100.0%"), (-1, "0.0%")])
def test_a_bar_stays_within_its_cell(part: int, width: str) -> None:
    assert f'width="{width}" height="10"/>' in bar_of(part, 10)
    assert 'width="0.0%"' in bar_of(part, 0)


def test_text_from_data_is_escaped() -> None:
    bad = "<script>alert(1)</script>"
    svgs = [
        days_chart([Bar(bad, bad, 1)], 1040, 260, str, label_every=1),
        heat_map([(bad, [1.0] * 24, bad)], 1040, lambda _day, _hour: bad),
        columns_chart([(bad, 1.0, "bar")], 400, 120, str),
    ]
    for svg in svgs:
        assert "<script" not in svg
        assert "&lt;script" in svg
