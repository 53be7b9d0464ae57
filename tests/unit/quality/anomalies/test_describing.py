"""The sentence of an anomaly says what the figures say: how much, when, what is below, and which others are off."""

from __future__ import annotations

import pytest

from quality.anomalies.calendar import Calendar
from quality.anomalies.describing import Describer
from quality.anomalies.episodes import Episode, past_of
from quality.anomalies.kpis import watched
from quality.anomalies.panel import Panel, Slice
from tests.series import changed, episodes_of, hours_of

DAYS = 112
LAST = (DAYS - 1) * 24
TOTAL, STORE_3, STORE_4 = Slice("EUR", "total"), Slice("EUR", "store", "3"), Slice("EUR", "store", "4")
NORMAL = hours_of(DAYS)


def described(panel: Panel, of: Slice) -> tuple[str, Episode]:
    """The sentence of the anomaly of a slice."""
    (episode,) = (one for one in episodes_of(panel) if one.of == of)
    past = past_of([], panel, Calendar((), {}, {}))
    describer = Describer.of(panel, watched()["hour"], past, LAST - 48, {"3": "Lyon"})
    figures = describer.figures(episode)
    assert figures is not None
    return describer.sentence(episode, figures), episode


def test_a_store_is_named_with_its_figures_and_stands_alone() -> None:
    struck = changed(NORMAL, STORE_3, LAST + 10, LAST + 20, 0.4)
    said, episode = described(struck, STORE_3)
    cells = struck.members[struck.slices.index(STORE_3)] > 0
    first, last = (int((moment - struck.begins).total_seconds() // 3_600) for moment in (episode.since, episode.until))
    seen = struck.parts["orders"][cells, first:last].sum()
    assert said.startswith("Orders of store 3 (Lyon): ")
    assert f"% below what was expected, {seen:,.0f} instead of " in said
    assert said.endswith("Of the 6 others of its kind, none is off with it.")


def test_a_store_that_is_off_with_others_is_not_said_to_stand_alone() -> None:
    both = changed(changed(NORMAL, STORE_3, LAST + 10, LAST + 20, 0.4), STORE_4, LAST + 10, LAST + 20, 0.4)
    assert described(both, STORE_3)[0].endswith("Of the 6 others of its kind, 1 is off with it.")


def test_a_total_names_what_is_below_it_farthest_first() -> None:
    said, _ = described(changed(NORMAL, TOTAL, LAST + 10, LAST + 20, 0.5), TOTAL)
    assert said.startswith("Orders of all sales in EUR: ")
    below = said.partition("Most of all: ")[2]
    effects = [int(word.rstrip("%;,.")) for word in below.split() if word[0] in "+-"]
    assert len(effects) == 6
    assert all(-65 < effect < -35 for effect in effects)
    assert effects[:3] == sorted(effects[:3])


@pytest.mark.parametrize(("by", "way", "sign"), [(0.3, "below", "less"), (2.5, "above", "more")])
def test_money_goes_where_the_figure_goes(by: float, way: str, sign: str) -> None:
    said, _ = described(changed(NORMAL, STORE_3, LAST + 10, LAST + 20, by), STORE_3)
    assert f"% {way} what was expected" in said
    assert f" {sign}. Of the" in said
