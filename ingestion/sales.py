"""Collect sales into Bronze: `python -m ingestion.sales`.

The cursor of sales is the decimal id of the last one seen, so a page can be held against it: ids rise,
start above the cursor, and end at `next_cursor`. A page that does not would move the watermark past
sales that were never read.
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - msgspec reads the types at run time
from typing import TYPE_CHECKING

import msgspec

from ingestion.backfill import pull_open_ranges
from ingestion.collector import collect
from ingestion.entity import Collected, Entity
from ingestion.gaps import by_gap, skipped_between
from ingestion.pages import id_of_cursor
from ingestion.split import sale_id_of, split_sales
from loaders.backfill import read_progress
from loaders.command import hand_run_id, run_step
from loaders.database import transaction
from loaders.errors import EntityLocked, NothingToDo, SourceViolation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from psycopg2.extensions import connection

    from ingestion.client import SourceClient
    from ingestion.ndjson import Ndjson
    from ingestion.pages import Page
    from loaders.config import Settings
    from loaders.state_store import IdRange


class _Made(msgspec.Struct, gc=False):
    sale_id: int
    sold_at: datetime


_MADE = msgspec.json.Decoder(_Made)


def divide_sales(sales: Sequence[bytes]) -> Mapping[str, Ndjson]:
    """Headers to `sales_customer`, lines to `sales_product`."""
    headers, lines = split_sales(sales)
    return {"sales_customer": headers, "sales_product": lines}


def check_sales_page(cursor: str | None, page: Page) -> list[IdRange]:
    """The ids the page passes over. Raises SourceViolation unless ids rise from above `cursor` to `next_cursor`.

    A sale whose id cannot be read is left to Silver, which sets it aside; its id counts as passed over.
    """
    after = last = id_of_cursor(cursor) if cursor is not None else 0
    told = [sale_id_of(sale) for sale in page.items]
    ids = [sale_id for sale_id in told if sale_id is not None]
    for sale_id in ids:
        if sale_id <= last:
            raise _out_of_order(f"sale {sale_id} comes behind sale {last}")
        last = sale_id
    through = id_of_cursor(page.next_cursor or "")
    if through < last or (through > last and told[-1] is not None):
        raise _out_of_order(f"next_cursor is {through}, the last sale {last}")
    return skipped_between(after, [*ids, through + 1])


def late_sales(sales: Sequence[bytes], gaps: Sequence[IdRange]) -> dict[int, bytes]:
    """Those of the sales that lie in a gap, by id. A sale whose id cannot be read lies in none."""
    by_id = {sale_id: sale for sale in sales if (sale_id := sale_id_of(sale)) is not None}
    late = by_gap(gaps, by_id)
    return {sale_id: by_id[sale_id] for ids in late.values() for sale_id in ids}


def knows_sale(source: SourceClient, cursor: str) -> bool:
    """Whether the source still has the sale at a watermark. By its contract a sale, once made, stays."""
    sale_id = id_of_cursor(cursor)
    return bool(source.page("sales", str(sale_id - 1), up_to=sale_id).items)


def recent_gaps(page: Page, gaps: list[IdRange], since: datetime) -> list[IdRange]:
    """Those of the page's gaps whose next sale was made after `since`: an older hole will not be filled any more.

    Without this, the first pull of a long history would ask for every hole in it, run after run.
    """
    if not gaps:
        return []
    made = {}
    for sale in page.items:
        try:
            one = _MADE.decode(sale)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        made[one.sale_id] = one.sold_at
    return [gap for gap in gaps if made.get(gap.last + 1, since) >= since]


SALES = Entity(
    name="sales",
    datasets=("sales_customer", "sales_product"),
    divide=divide_sales,
    check=check_sales_page,
    late=late_sales,
    recent=recent_gaps,
    known=knows_sale,
)


def collect_sales(conn: connection, settings: Settings, *, run_id: str, full_refresh: bool = False) -> Collected:
    """Pull the sales behind the watermark. See `ingestion.collector.collect` for errors.

    A backfill that nobody works on is brought to its end first. While others do, raises NothingToDo, or with
    `full_refresh`, which must not be forgotten, EntityLocked.
    """
    with transaction(conn):
        progress = read_progress(conn)
    if progress is not None and progress.at_work:
        left = f"sales: left to the backfill: {progress.words()}"
        if full_refresh:
            raise EntityLocked(left, remedy="trigger the full refresh again once it has ended")
        raise NothingToDo(left, remedy="once it has ended, the next run goes on behind it")
    if progress is not None:
        pull_open_ranges(SALES, conn, settings, run_id=run_id)
    return collect(SALES, conn, settings, run_id=run_id, full_refresh=full_refresh)


def _out_of_order(what: str) -> SourceViolation:
    return SourceViolation(
        f"sales: {what}: the page is out of order",
        remedy="nothing of it was kept; have the source mended, then run again",
    )


if __name__ == "__main__":
    run_step(lambda conn, settings: collect_sales(conn, settings, run_id=hand_run_id()).summary())
