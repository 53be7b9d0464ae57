"""The progress of Gold: what it has not read or tested yet (`meta.gold_state`), and a requested rebuild."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from medallion.statements import Statements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg2.extensions import connection

_SQL = Statements(__file__)


@dataclass(frozen=True)
class PendingGold:
    """Data that Gold has not read yet: loads of `source_table` above `taken_load_id`."""

    model: str
    source_table: str
    taken_load_id: int
    last_load_id: int


@dataclass(frozen=True)
class RebuildToken:
    """A request for a rebuild of Gold. `is_core_built`: for this request, only the marts are left."""

    token: str
    is_core_built: bool


def pending_gold(conn: connection) -> list[PendingGold]:
    """What Gold has not read from Silver, or not tested. Empty: dbt has nothing to do."""
    return [PendingGold(*row) for row in _SQL.rows(conn, "gold_pending")]


def open_gold_test(conn: connection) -> None:
    """Record up to which load the tests that start now look."""
    _SQL.execute(conn, "open_gold_test")


def close_gold_test(conn: connection) -> None:
    """Move the watermark of the tests, after they passed."""
    _SQL.execute(conn, "close_gold_test")


def mark_core_tested(conn: connection, core: Sequence[str], run_id: str) -> None:
    """Note that all tests of core passed on these tables, as far as this run was the last to build them."""
    _SQL.execute(conn, "mark_core_tested", {"core": list(core), "run_id": run_id})


def is_core_tested(conn: connection, core: Sequence[str]) -> bool:
    """Whether all tests of core passed on the last build of each of these tables."""
    return bool(_SQL.one(conn, "is_core_tested", {"core": list(core)})[0])


def want_gold_rebuild(conn: connection) -> None:
    """Request a rebuild of Gold, by this run or, if it dies, by the next. Each call is a new request."""
    _SQL.execute(conn, "want_gold_rebuild")


def gold_rebuild_wanted(conn: connection) -> bool:
    """Whether a rebuild of Gold is requested."""
    return bool(_SQL.one(conn, "gold_rebuild_wanted")[0])


def gold_rebuild_token(conn: connection) -> RebuildToken | None:
    """The current request for a rebuild, or None."""
    row = _SQL.first(conn, "gold_rebuild_token")
    return None if row is None else RebuildToken(*row)


def mark_gold_core_rebuilt(conn: connection, token: RebuildToken) -> None:
    """Note that core was rebuilt for this request, made before the build began. A newer request is not touched."""
    _SQL.execute(conn, "mark_gold_core_rebuilt", vars(token))


def mark_gold_rebuilt(conn: connection, token: RebuildToken) -> None:
    """Close the request, as the marts were rebuilt too. A newer request stays."""
    _SQL.execute(conn, "mark_gold_rebuilt", vars(token))
