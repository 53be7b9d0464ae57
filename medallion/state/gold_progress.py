"""How far Gold is: what it has not taken or tested (`meta.gold_state`), and who asked for a rebuild."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from medallion.statements import Statements

if TYPE_CHECKING:
    from psycopg2.extensions import connection

_SQL = Statements(__file__)


@dataclass(frozen=True)
class PendingGold:
    """Something Gold has not yet taken: loads of `source_table` above `taken_load_id`."""

    model: str
    source_table: str
    taken_load_id: int
    last_load_id: int


@dataclass(frozen=True)
class RebuildToken:
    """A wish for a rebuild of Gold. `is_core_built`: for this very wish, only the marts are left."""

    token: str
    is_core_built: bool


def pending_gold(conn: connection) -> list[PendingGold]:
    """What Gold has not yet taken from Silver, or tested. Empty: nothing for dbt to do."""
    return [PendingGold(*row) for row in _SQL.rows(conn, "gold_pending")]


def open_gold_test(conn: connection) -> None:
    """Fix how far the tests that start now will have looked."""
    _SQL.execute(conn, "open_gold_test")


def close_gold_test(conn: connection) -> None:
    """Move the watermark of the tests, after they passed."""
    _SQL.execute(conn, "close_gold_test")


def want_gold_rebuild(conn: connection) -> None:
    """Have Gold built from the beginning, by this run or, should it die, by the next. Asking again is another wish."""
    _SQL.execute(conn, "want_gold_rebuild")


def gold_rebuild_wanted(conn: connection) -> bool:
    """Whether Gold is to be built from the beginning."""
    return bool(_SQL.one(conn, "gold_rebuild_wanted")[0])


def gold_rebuild_token(conn: connection) -> RebuildToken | None:
    """The wish for a rebuild as it is now; None: there is none."""
    row = _SQL.first(conn, "gold_rebuild_token")
    return None if row is None else RebuildToken(*row)


def mark_gold_core_rebuilt(conn: connection, token: RebuildToken) -> None:
    """Core was built from the beginning for this wish, which was there before it began. A newer wish is not touched."""
    _SQL.execute(conn, "mark_gold_core_rebuilt", vars(token))


def mark_gold_rebuilt(conn: connection, token: RebuildToken) -> None:
    """The marts were, too: the wish is fulfilled. A newer one stays."""
    _SQL.execute(conn, "mark_gold_rebuilt", vars(token))
