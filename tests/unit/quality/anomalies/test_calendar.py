"""Special days of the calendar: spans over new year, weekdays, and entries that are refused with a remedy."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from medallion.errors import ConfigurationError
from quality.anomalies.calendar import Calendar, read_specials


def calendar() -> Calendar:
    return Calendar(read_specials(), {}, {})


@pytest.mark.parametrize("day", ["2024-11-29", "2025-11-28", "2024-12-25", "2024-12-31", "2025-01-01"])
def test_a_day_that_is_special_every_year_is_special(day: str) -> None:
    assert calendar().is_special(date.fromisoformat(day))


@pytest.mark.parametrize("day", ["2024-11-28", "2024-12-27", "2025-01-02", "2024-07-01", "2025-03-15"])
def test_a_day_of_a_season_or_an_ordinary_one_is_not(day: str) -> None:
    assert not calendar().is_special(date.fromisoformat(day))


def test_a_season_is_lenient_in_the_days_after_it_begins_and_ends_only() -> None:
    lenient = [day for day in range(1, 32) if calendar().settles(date(2025, 7, day))]
    assert lenient == [1, 2, *range(23, 31)]
    assert not calendar().settles(date(2025, 5, 15))


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{name: Easter, first: 13-01, last: 04-01}", "is no special day"),
        ("{name: Easter, first: 04-01}", "'last'"),
        ("{name: Easter, first: 04-01, last: 04-09, weekday: Sonntag}", "Sonntag"),
        ("Easter", "'Easter' is no special day"),
    ],
)
def test_a_wrong_entry_is_named_with_what_would_be_right(tmp_path: Path, entry: str, said: str) -> None:
    file = tmp_path / "calendar.yml"
    file.write_text(f"- {entry}\n")
    with pytest.raises(ConfigurationError, match=said) as refused:
        read_specials(file)
    assert "write name, first and last" in refused.value.remedy
