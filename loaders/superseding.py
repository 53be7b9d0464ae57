"""What a file of a delivered entity replaces: the rows that came for the same period before, in the load's transaction.

The rows of earlier files leave the table; `silver.<table>_version` keeps them, each under its delivery. A key that an
earlier file of another period has, too, comes back as it stood there. Quarantined rows of a replaced file are resolved
by the load: their sender has corrected them, or has taken them back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg2 import sql

from medallion.database import transaction
from medallion.errors import DeliveryRefused
from medallion.state.deliveries import delivery_of, empty_deliveries, mark_delivery
from medallion.state.loads import RowCounts, close_load, logged_load
from medallion.statements import Statements, identifiers, newest_first
from medallion.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg2.extensions import connection

    from loaders.dataset import Dataset
    from medallion.settings import Settings
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
    order by {version_key}, {newest_first}
    """
)


def supersede(conn: connection, dataset: Dataset, receipt: Receipt, load_id: int, rejected: Sequence[int]) -> None:
    """Note that the file's delivery is loaded, and take out what it replaces. Of a listed dataset it does nothing.

    Lines that were in quarantine and are not among those `rejected` now are resolved.
    """
    if not dataset.is_delivered:
        return
    values = {"path": receipt.path, "rejected": list(rejected), "load_id": load_id}
    _SQL.execute(conn, "resolve_accepted", values)
    take_out(conn, dataset, mark_delivery(conn, delivery_of(conn, receipt.path).delivery_id), load_id)


def check_worth(conn: connection, receipt: Receipt, counts: RowCounts, settings: Settings) -> None:
    """Raise DeliveryRefused for a file with too many wrong rows to stand for its day.

    A file that replaces another one has to be as good as the limit of the share asks, however small it is. One that was
    loaded before stays so, whatever the limits are now.
    """
    delivery = delivery_of(conn, receipt.path)
    most = settings.reject_limit_share
    if delivery.status != "LANDED" or most >= 1 or not counts.rejected:
        return
    replaces = _SQL.first(conn, "replaces", {"delivery_id": delivery.delivery_id}) is not None
    is_few = counts.rejected <= settings.reject_limit_count and not replaces
    if counts.rejected < counts.read and (is_few or counts.rejected <= most * counts.read):
        return
    raise DeliveryRefused(
        f"{delivery.name}: {counts.rejected:,} of {counted(counts.read, 'row')} have a wrong cell, and the file is not "
        "loaded" + (": what came before it stays" if replaces else ""),
        remedy="correct the rows, and deliver the file again. To take it as it is: raise REJECT_LIMIT_SHARE, then "
        f"./retail pull {delivery.entity} --full-refresh",
    )


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
        key=identifiers(dataset.key),
        columns=identifiers(names),
        version_key=identifiers(dataset.key, "version"),
        version_columns=identifiers(names, "version"),
        newest_first=newest_first(dataset.ordering, "version"),
    )
    with conn.cursor() as cursor:
        cursor.execute(statement, {"replaced": [one.delivery_id for one in replaced], "load_id": load_id})
    paths = [one.path for one in replaced if one.path is not None]
    _SQL.execute(conn, "resolve_replaced", {"paths": paths, "load_id": load_id})
