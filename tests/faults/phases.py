"""Catching a step in the middle of what it does: held up by the source or by a lock, until it is let go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from medallion.database import connect
from tests.faults.world import COLLECT, LOAD, World

Phase = Callable[[World], AbstractContextManager[None]]

_TRIGGER = """
    create or replace function public.held_up() returns trigger language plpgsql as $$
    begin
        perform pg_advisory_xact_lock(4711);
        return new;
    end $$;
    create trigger held_up before insert or update on silver.sales_product
    for each row when (new.sale_id = 45) execute function public.held_up();
"""


@contextmanager
def pulling(world: World) -> Iterator[None]:
    """Some parts have landed, the next page does not come."""
    world.ledger.hold(after=3)
    try:
        yield
    finally:
        world.ledger.release()


@contextmanager
def receipting(world: World) -> Iterator[None]:
    """The files of a part are durable, its receipts wait for a lock."""
    with _locked(world, "lock table meta.bronze_file in share mode"):
        yield


@contextmanager
def copying(world: World) -> Iterator[None]:
    """Some rows of a COPY are in the table, the next one waits for a lock."""
    _execute(world, _TRIGGER)
    try:
        with _locked(world, "select pg_advisory_lock(4711)"):
            yield
    finally:
        world.wait_until(world.is_alone)
        _execute(world, "drop trigger held_up on silver.sales_product")


PHASES: dict[str, tuple[str, Phase]] = {
    "pulling": (COLLECT, pulling),
    "receipting": (COLLECT, receipting),
    "copying": (LOAD, copying),
}


def is_caught(world: World) -> bool:
    """Whether the step is where the phase holds it."""
    return world.ledger.holds or world.waits_for_a_lock()


@contextmanager
def _locked(world: World, statement: str) -> Iterator[None]:
    with connect(world.settings.require_database_url()) as other:
        with other.cursor() as cursor:
            cursor.execute(statement)
        yield


def _execute(world: World, statement: str) -> None:
    with world.conn, world.conn.cursor() as cursor:
        cursor.execute(statement)
