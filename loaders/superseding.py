"""What a file of a delivered entity replaces: the rows that came for the same period before, in the load's transaction.

The rows of earlier files leave the table; `silver.<table>_version` keeps them, each under its delivery. A key that an
earlier file of another period has, too, comes back as it stood there. Quarantined rows of a replaced file are resolved
by the load: their sender has corrected them, or has taken them back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg2 import sql

from medallion.database import transaction
from medallion.state.deliveries import delivery_of, empty_deliveries, mark_delivery
from medallion.state.loads import RowCounts, close_load, logged_load
from medallion.statements import Statements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg2.extensions import connection

    from loaders.dataset import Dataset
    from medallion.state.deliveries import Delivery
    from medallion.state.receipts import Receipt

_SQL = Statements(__file__)
_RETURN = sql.SQL(
    """
    with gone as (
        delete from {table} where delivery_id = any(%(replaced)s) returning {key}
    )

    insert into {table} ({columns}, _load_id)
    select distinct on ({version_key}) {version_columns}, %(load_id)s
    from {versions} as version
    inner join gone using ({key})
    inner join meta.delivery on version.delivery_id = delivery.delivery_id and delivery.status = 'LOADED'
    order by {version_key}, version.delivery_id desc, version.row_no desc
    """
)


def supersede(conn: connection, dataset: Dataset, receipt: Receipt, load_id: int) -> None:
    """Note that the file's delivery is loaded, and take out what it replaces. Of a listed dataset it does nothing."""
    if not dataset.is_delivered:
        return
    take_out(conn, dataset, mark_delivery(conn, delivery_of(conn, receipt.path).delivery_id), load_id)


def settle_empty(conn: connection, dataset: Dataset, run_id: str) -> None:
    """Load the files that landed without a row: they say that nothing was, and take out what came before them."""
    if not dataset.is_delivered:
        return
    with transaction(conn):
        waiting = empty_deliveries(conn, dataset.name)
    for number in waiting:
        with logged_load(conn, run_id=run_id, layer="silver", dataset=dataset.name) as load_id, transaction(conn):
            take_out(conn, dataset, mark_delivery(conn, number), load_id)
            close_load(conn, load_id, RowCounts(), 0)


def take_out(conn: connection, dataset: Dataset, replaced: Sequence[Delivery], load_id: int) -> None:
    """Take the rows of replaced deliveries out of the table, and resolve those of their rows that are in quarantine."""
    if not replaced:
        return
    names = list(dataset.columns)
    statement = _RETURN.format(
        table=sql.Identifier("silver", dataset.name),
        versions=sql.Identifier("silver", str(dataset.versions)),
        key=_names(dataset.key),
        columns=_names(names),
        version_key=_names(dataset.key, "version"),
        version_columns=_names(names, "version"),
    )
    with conn.cursor() as cursor:
        cursor.execute(statement, {"replaced": [one.delivery_id for one in replaced], "load_id": load_id})
    paths = [one.path for one in replaced if one.path is not None]
    _SQL.execute(conn, "resolve_replaced", {"paths": paths, "load_id": load_id})


def _names(names: Sequence[str], alias: str | None = None) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(alias, name) if alias else sql.Identifier(name) for name in names)
