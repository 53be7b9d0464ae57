"""What is kept of gaps belongs to one entity: no reading sees another's rows, no change touches them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from psycopg2.extensions import connection

from medallion.state.backfill_ranges import add_ranges, claim_range, finish_range, open_ranges
from medallion.state.gaps import (
    Gap,
    expire,
    expiring_gaps,
    fill,
    gaps_between,
    gaps_to_ask,
    mark_checked,
    set_held,
    withdraw,
)
from medallion.state.id_range import IdRange
from tests.queries import rows

ALIKE = """
    insert into meta.entity (entity, ordered_by) values ('returns', 'id');
    insert into meta.ingestion_state (entity, cursor_name) values ('returns', 'return_id');
    insert into meta.gap (entity, from_id, to_id, status, first_seen_at, last_checked_at)
    select entity, from_id, to_id, status, now() - interval '49 hours', now() - make_interval(days => days)
    from (values ('returns'), ('sales')) as one (entity)
    cross join (
        values (5, 9, 'OPEN', 0), (20, 29, 'OPEN', 0), (40, 40, 'FILLED', 0), (50, 50, 'FILLED', 31)
    ) as row (from_id, to_id, status, days);
    insert into meta.gap (entity, from_id, to_id, first_seen_at) values ('sales', 12, 13, now() - interval '49 hours');
"""
OF = "select from_id, to_id, status, known, last_checked_at from meta.gap where entity = '{}' order by from_id"
CHANGES: dict[str, Callable[[connection], Any]] = {
    "fill": lambda conn: fill(conn, "returns", Gap(IdRange(5, 9)), [IdRange(6, 6)], [IdRange(5, 5), IdRange(7, 9)]),
    "hold": lambda conn: set_held(conn, "returns", Gap(IdRange(20, 29)), frozenset({21})),
    "withdraw": lambda conn: withdraw(conn, "returns", [Gap(IdRange(40, 40))]),
    "check all": lambda conn: mark_checked(conn, "returns", None),
    "check one": lambda conn: mark_checked(conn, "returns", [Gap(IdRange(5, 9))]),
    "expire all": lambda conn: expire(conn, "returns", 48, None),
    "expire one": lambda conn: expire(conn, "returns", 48, [Gap(IdRange(5, 9))]),
}


@pytest.fixture
def alike(conn: connection) -> connection:
    """Two entities with the same gaps, and one more of sales between them."""
    with conn, conn.cursor() as cursor:
        cursor.execute(ALIKE)
    return conn


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_one_leaves_the_same_rows_of_the_other_as_they_were(alike: connection, change: str) -> None:
    before = rows(alike, OF.format("returns")), rows(alike, OF.format("sales"))
    with alike:
        CHANGES[change](alike)
    assert rows(alike, OF.format("sales")) == before[1]
    assert rows(alike, OF.format("returns")) != before[0]


def test_no_reading_sees_the_rows_of_another(alike: connection) -> None:
    with alike:
        found = [
            gaps_to_ask(alike, "returns"),
            gaps_between(alike, "returns", IdRange(1, 35)),
            expiring_gaps(alike, "returns", 48, 10),
        ]
    assert [[one.ids for one in gaps] for gaps in found] == 3 * [[IdRange(5, 9), IdRange(20, 29)]]


def test_what_is_open_of_one_says_nothing_of_how_far_the_other_is_asked(alike: connection) -> None:
    with alike, alike.cursor() as cursor:
        cursor.execute("update meta.gap set status = 'EXPIRED' where entity = 'returns' and from_id in (5, 20)")
        assert gaps_to_ask(alike, "returns") == []
        cursor.execute("update meta.gap set status = 'OPEN' where entity = 'returns' and from_id = 20")
        assert [one.first for one in gaps_to_ask(alike, "returns")] == [20]


def test_the_last_range_of_one_ends_neither_the_plan_nor_the_watermark_of_the_other(alike: connection) -> None:
    with alike, alike.cursor() as cursor:
        cursor.execute("insert into meta.load (run_id, layer, dataset) values ('r', 'bronze', 'x') returning load_id")
        (load_id,) = cursor.fetchone() or (0,)
        for entity in ("returns", "sales"):
            add_ranges(alike, entity, [IdRange(1, 100), IdRange(101, 200)])
        for first in (1, 101):
            claim = claim_range(alike, "returns", first, load_id)
            assert claim is not None
            cursor.execute("update meta.backfill_range set cursor_value = to_id where entity = 'returns'")
            finish_range(alike, claim, load_id)
        assert open_ranges(alike, "returns") == []
        assert open_ranges(alike, "sales") == [IdRange(1, 100), IdRange(101, 200)]
    watermarks = "select entity, cursor_value from meta.ingestion_state where entity in ('returns', 'sales') order by 1"
    assert rows(alike, watermarks) == [("returns", "200"), ("sales", None)]
