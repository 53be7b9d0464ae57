"""Repair of sales by id: pulled again, in a load of Bronze that replaces what Silver holds of them."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from ingestion.api.client import SourceClient
from ingestion.landing import Landing
from ingestion.sales import SALES
from medallion.database import transaction
from medallion.errors import ConfigurationError
from medallion.state.gold_progress import want_gold_rebuild
from medallion.state.loads import logged_load, succeed_load
from medallion.state.locks import entity_lock, locked
from medallion.state.repairs import add_repairs
from medallion.state.watermarks import claim_entity
from quality.sales_differences import some
from quality.sales_listing import read_sale_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from psycopg2.extensions import connection

    from ingestion.source import Page
    from medallion.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RepairResult:
    """Sales that were pulled again, by this load of Bronze."""

    ids: tuple[int, ...]
    load_id: int

    def summary(self) -> str:
        """One line for a person."""
        return (
            f"sales {some(self.ids)} pulled again: the next run (./retail run) has them replace what Silver holds, and "
            "builds Gold from the beginning"
        )


def repair_sales(conn: connection, settings: Settings, ids: Sequence[int], *, run_id: str) -> RepairResult:
    """Pull these sales again. The watermark stays where it is.

    Raises ConfigurationError, before anything is kept, for a sale that the source does not have or that was never
    pulled; otherwise as `ingestion.collector.collect`.
    """
    wanted = sorted(set(ids))
    with (
        SourceClient(settings) as source,
        locked(conn, entity_lock(SALES.name)),
        logged_load(conn, run_id=run_id, layer="bronze", dataset=SALES.name) as load_id,
    ):
        with transaction(conn):
            cursor = claim_entity(conn, SALES.name).cursor
        _require_pulled(wanted, cursor)
        pages = _pages_of(source, wanted)
        landing = Landing(SALES, conn, settings, load_id, datetime.now(timezone.utc))
        _land(conn, landing, pages, cursor or "0", run_id)
        with transaction(conn):
            succeed_load(conn, load_id)
    repaired = RepairResult(tuple(wanted), load_id)
    log.info("%s", repaired.summary())
    return repaired


def _land(conn: connection, landing: Landing, pages: list[Page], cursor: str, run_id: str) -> None:
    """Land each part together with its receipts, its repairs, and the request for a rebuild of Gold.

    Gold's increments see new and changed rows; only a rebuild sees that a line is gone.
    """
    taken: list[int] = []

    def take(page: Page) -> Sequence[bytes]:
        taken.extend(one for one in map(read_sale_id, page.items) if one is not None)
        return page.items

    left = iter(pages)
    while files := landing.write(left, take):
        with landing.acknowledged(files, cursor, cursor):
            add_repairs(conn, taken, landing.load_id, run_id)
            want_gold_rebuild(conn)
        taken = []


def _pages_of(source: SourceClient, ids: Sequence[int]) -> list[Page]:
    found = list(_one_by_one(source, ids))
    if missing := [one for one, page in zip(ids, found, strict=True) if [*map(read_sale_id, page.items)] != [one]]:
        raise ConfigurationError(
            f"the source does not have sales {some(missing)}: nothing was repaired",
            remedy="what the source has withdrawn stays in Silver; accept it with: ./retail reconcile --accept",
        )
    return found


def _one_by_one(source: SourceClient, ids: Sequence[int]) -> Iterator[Page]:
    for sale_id in ids:
        yield source.page(SALES.name, str(sale_id - 1), sale_id)


def _require_pulled(ids: Sequence[int], cursor: str | None) -> None:
    beyond = [one for one in ids if not 1 <= one <= int(cursor or 0)]
    if beyond or not ids:
        raise ConfigurationError(
            f"no pull has come to sales {some(beyond)} yet: there is nothing to repair",
            remedy="name sales that reconciliation named; new ones come with the next run",
        )
