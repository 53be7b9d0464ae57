"""The hour that is timed after each history: it has the steps of a run."""

from __future__ import annotations

from benchmarks.flat_in_history import STEPS
from medallion.entities.registry import ENTITIES


def test_the_hour_pulls_every_entity_and_loads_every_table_in_the_order_of_a_run() -> None:
    tables = [table.name for one in ENTITIES.values() for table in one.tables]
    expected = [*(f"bronze_{name}" for name in ENTITIES), *(f"silver_{name}" for name in tables)]
    assert list(STEPS)[: len(expected)] == expected
