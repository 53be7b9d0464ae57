"""`./retail rejects retry`: retries quarantined records under today's rules, and splits unsplit sales again.

A sale that could not be split is in Bronze as a header that still has its lines. Once the splitter can split it, its
header and lines land in Bronze as a part of their own and are loaded like any other sale: so a Silver rebuilt from
Bronze has them too. The load of the header closes the record in quarantine.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import msgspec

from ingestion.part import Part
from ingestion.sales import divide_sales
from loaders.dataset import DATASETS
from loaders.load_sales_customers import load_sales_customer
from loaders.load_sales_products import load_sales_product
from loaders.records import parse_block
from loaders.rejects import RetryResult, retry_rejects, sales_watermark, show_rejects
from medallion.bronze.writer import BronzeStore, bronze_path
from medallion.database import transaction
from medallion.state.loads import logged_load, succeed_load
from medallion.state.locks import entity_lock, locked
from medallion.state.receipts import Receipt, add_receipt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg2.extensions import connection

    from loaders.rejects import Reject
    from medallion.settings import Settings


class _Header(msgspec.Struct):
    lines: msgspec.Raw


_HEADER = msgspec.json.Decoder(_Header)


def retry(conn: connection, settings: Settings, rejects: Sequence[Reject], *, run_id: str) -> RetryResult:
    """Retry open records; those that fit go to Silver and are RESOLVED. Raises DatabaseError, BronzeWriteFailed."""
    whole = [one for one in rejects if one.status == "OPEN" and _has_its_lines(one)]
    others = retry_rejects(conn, [one for one in rejects if one not in whole], run_id=run_id)
    return others + _split_again(conn, settings, whole, run_id) if whole else others


def _has_its_lines(reject: Reject) -> bool:
    if reject.dataset != "sales_customer":
        return False
    try:
        _HEADER.decode(reject.raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _split_again(conn: connection, settings: Settings, sales: Sequence[Reject], run_id: str) -> RetryResult:
    refused = {one.rejected_record_id: why for one in sales if (why := _why_not(one.raw)) is not None}
    fit = [one for one in sales if one.rejected_record_id not in refused]
    if fit:
        _land(conn, settings, [one.raw for one in fit], run_id)
        for load in (load_sales_customer, load_sales_product):
            load(conn, settings, run_id=run_id)
        still_open = [
            one for one in show_rejects(conn, [one.rejected_record_id for one in fit]) if one.status == "OPEN"
        ]
        refused |= {one.rejected_record_id: "landed again, and not yet in Silver" for one in still_open}
    return RetryResult.of({one.rejected_record_id for one in sales}, refused)


def _why_not(sale: bytes) -> str | None:
    """Why the sale is not landed again: a part of it would be quarantined again. None: all of it fits."""
    for dataset, records in divide_sales([sale]).items():
        for rejection in parse_block(DATASETS[dataset], records.text, 1).rejections:
            return rejection.reason
    return None


def _land(conn: connection, settings: Settings, sales: Sequence[bytes], run_id: str) -> None:
    """Land header and lines of the sales, with common receipts. The watermark stays where it is."""
    store = BronzeStore(settings.bronze_location, group_readable=settings.bronze_group_readable)
    started = datetime.now(timezone.utc)
    with (
        locked(conn, entity_lock("sales")),
        logged_load(conn, run_id=run_id, layer="bronze", dataset="sales") as load_id,
    ):
        part = Part(settings)
        with part.discarded_on_error():
            for dataset, records in divide_sales(sales).items():
                part.append(dataset, records, lambda name: store.file(bronze_path(name, started, load_id, 0)))
            files = part.commit()
        with transaction(conn):
            cursor = sales_watermark(conn)
            for dataset, file in files.items():
                written = (file.records, file.bytes, file.sha256)
                add_receipt(conn, Receipt(file.path, dataset, load_id, 0, *written, cursor, cursor))
            succeed_load(conn, load_id)
