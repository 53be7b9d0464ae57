"""Ratios: of runs that stood close to each other, and never of what was not measured."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from benchmarks.comparison import Measured
from benchmarks.engine import Timing
from benchmarks.engines import ENGINES, USUAL
from benchmarks.figures import GROUPS, PART_TITLES, PARTS, outcomes, ratio, rows_of, seconds_of
from benchmarks.machine import Machine
from benchmarks.report import aligned, as_data, as_text
from medallion.state.reconciliation import Totals

OURS = [Timing(s, s / 2, {"bronze": s / 2, "silver": s / 4}) for s in (2.0, 4.0, 1.0)]
TIMINGS = {
    "ours": OURS,
    "dlt": [Timing(24.0, 9.0), Timing(40.0, 8.0), Timing(11.0, 7.0)],
    "floor": [Timing(0.5, 0.1)] * 3,
    "copy": [Timing(0.1, 0.1), Timing(0.4, 0.1), Timing(0.1, 0.1)],
}
SECONDS = seconds_of(TIMINGS)


def measured(skipped: dict[str, str] | None = None) -> Measured:
    machine = Machine("A Processor", 2, 24 * 2**30, "Linux", "3.12.1", 0.25)
    titles = {name: name.upper() for name in TIMINGS}
    return Measured(machine, Totals(1000, 3000, Decimal("12.50")), 3, TIMINGS, titles, skipped or {})


def test_a_ratio_is_the_median_of_the_rounds_and_not_that_of_the_medians() -> None:
    """In the slow round both are slow: 12, 10 and 11 times, where the medians say 24 to 2."""
    assert ratio(SECONDS, "dlt", "ours") == pytest.approx(11)


def test_ours_is_once_as_slow_as_itself() -> None:
    assert ratio(SECONDS, "ours", "ours") == 1


def test_what_was_not_measured_has_no_ratio() -> None:
    assert ratio(SECONDS, "singer", "ours") is None
    assert ratio(SECONDS, "dlt", "gold") is None


def test_a_part_is_the_sum_of_its_steps_round_by_round() -> None:
    assert SECONDS["bronze"] == [1.0, 2.0, 0.5]
    assert SECONDS["silver"] == [0.5, 1.0, 0.25]
    assert "gold-steps" not in SECONDS


def test_a_group_has_the_rows_that_were_measured_in_its_order() -> None:
    rows = rows_of(GROUPS[0], TIMINGS)
    assert [row.name for row in rows] == ["ours", "dlt", "floor"]
    assert (rows[1].median, rows[1].least, rows[1].most) == (24.0, 11.0, 40.0)
    assert rows[1].processor == 8.0


def test_a_goal_is_reached_missed_or_not_measured() -> None:
    reached = {one.words.split(" takes")[0]: (one.seen, one.is_reached) for one in outcomes(SECONDS)}
    assert reached["dlt"] == (pytest.approx(11), True)
    assert reached["the COPY limit"] == (pytest.approx(0.4), False)
    assert reached["the Singer pair"] == (None, None)


def test_every_row_of_a_group_is_an_engine_or_a_part_of_one() -> None:
    engines = {engine.name for engine in ENGINES}
    assert set(USUAL) < engines
    assert {name for group in GROUPS for name in (*group.rows, group.reference)} == engines | set(PARTS)
    assert set(PART_TITLES) == set(PARTS)


def test_the_json_holds_every_round_the_machine_and_what_was_left_out() -> None:
    data = json.loads(json.dumps(as_data(measured({"singer": "no network"}))))
    assert set(data) == {"measured_at", "machine", "source", "rounds", "groups", "gold", "goals", "skipped"}
    assert data["source"] == {"sales": 1000, "lines": 3000, "net_amount": "12.50"}
    assert [group["title"] for group in data["groups"]] == ["API → Silver", "API → Bronze", "Bronze → Silver"]
    dlt = data["groups"][0]["rows"][1]
    assert set(dlt) == {"name", "median", "least", "most", "ratio", "processor", "seconds"}
    assert dlt["seconds"] == [24.0, 40.0, 11.0]
    assert data["skipped"] == {"singer": "no network"}


def test_each_model_of_gold_stands_next_to_its_limit() -> None:
    steps = {"deps": 0.5, "core": 4.0, "mart": 2.0, "tests": 1.0}
    gold = [Timing(9.0, 1.0, steps | {"sales_item": took}) for took in (3.0, 2.0, 7.0)]
    both = {"gold": gold, "ctas": [Timing(2.0, 0.1, {"sales_item": 1.5})] * 3}
    found = replace(measured(), timings=both, titles={name: name for name in both})
    lines = [line.split() for line in as_text(found).splitlines()]
    assert ["sales_item", "3.00", "1.50"] in lines
    assert ["core", "4.00"] in lines
    assert as_data(found)["gold"]["ctas"] == {"sales_item": 1.5}
    assert "Gold: steps" not in as_text(measured())


def test_the_table_names_the_machine_the_goals_and_what_was_left_out() -> None:
    text = as_text(measured({"singer": "no network"}))
    assert "A Processor, 2 cores, 24 GiB" in text
    assert "reached: dlt takes at least 10 times as long as ours: 11.00" in text
    assert "MISSED: the COPY limit" in text
    assert "LEFT OUT: singer: no network" in text
    assert "Silver → Gold" not in text


def test_columns_are_aligned() -> None:
    assert aligned([("a", "1.5"), ("long", "12.25")]) == ["a       1.5", "long  12.25"]
