"""A source that misbehaves on demand. Off unless `SOURCE_CHAOS` asks.

Late commits and deletes change which sales there are at the API's clock; malformed records and schema drift
change what a record looks like; errors, rate limits, slow, truncated, duplicate and reordered pages change
what becomes of an answer. Every decision is a draw from `SOURCE_CHAOS_SEED` and the id or the number of the
request it is about, so that a failure can be replayed. `GET /chaos/ledger` reports the truth: what is committed,
and what of it is spoilt on the way. Without `SOURCE_CHAOS` nothing in here runs.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

import polars as pl
from fastapi import Depends

from backend.auth import require_key
from backend.chaos.records import Spoiler
from backend.chaos.responses import Misbehaviour
from backend.data import KEYS, DataSet, Page, Totals, blocks_of_sales, sale_cursor
from backend.dataset.random_draws import below, draw, happens
from backend.http.parameters import After, UpTo  # noqa: TC001 - FastAPI reads them
from backend.http.problems import ERRORS
from backend.models import ChaosLedger, SalesTotals

if TYPE_CHECKING:
    from fastapi import FastAPI

    from backend.settings import SourceSettings

LONGEST_SECONDS = 3 * 3_600  # a sale commits at most so late, and is deleted at most so long after
_SHORTEST_SECONDS = 60
_LEAST_LOOK = 64  # ids looked at together, however small the page

log = logging.getLogger("uvicorn.error")


def misbehave(app: FastAPI, settings: SourceSettings) -> None:
    """Have the app show the faults of `settings`, and report the truth about them at `/chaos/ledger`."""
    faults, seed = settings.faults(), settings.chaos_seed
    log.warning("the source misbehaves, seed %d: %s", seed, ", ".join(f"{n}:{share:g}" for n, share in faults.items()))
    app.state.data = data = ChaoticDataSet(settings)
    struck: Counter[str] = Counter()
    app.add_middleware(Misbehaviour, faults=faults, seed=seed, struck=struck)

    @app.get(
        "/chaos/ledger",
        tags=["chaos"],
        summary="The truth about a range of sales",
        responses=ERRORS,
        dependencies=[Depends(require_key)],
    )
    def ledger(after: After = 0, up_to: UpTo = None) -> ChaosLedger:
        return data.ledger(after, up_to, struck)


class ChaoticDataSet(DataSet):
    """The data set of a source in which sales commit late or vanish, and some records are spoiled."""

    def __init__(self, settings: SourceSettings) -> None:
        super().__init__(settings)
        faults = settings.faults()
        self._late, self._deleted = faults.get("late-commits", 0.0), faults.get("deletes", 0.0)
        self._chaos_seed = settings.chaos_seed
        self._spoiler = Spoiler(faults, settings.chaos_seed)

    def sales_page(self, cursor: str | None, limit: int, up_to: int | None) -> Page:
        """As the data set's own, without the sales that are not committed at the clock."""
        after, end = sale_cursor(cursor), self.end_of_sales(up_to)
        found = self._committed(after, end, limit + 1)
        ids = found[:limit]
        if not ids:
            return Page.of([], has_more=False, next_cursor=None)
        rendered = self._page_of(ids[0], ids[-1], has_more=False).items
        items = self._spoiler.spoil("sales", [rendered[sale_id - ids[0]] for sale_id in ids])
        return Page.of(items, has_more=len(found) > limit, next_cursor=str(ids[-1]))

    def listing_page(self, resource: str, cursor: str | None, limit: int) -> Page:
        """As the data set's own, some records spoiled."""
        page = super().listing_page(resource, cursor, limit)
        if resource not in KEYS:
            return page
        items = self._spoiler.spoil(resource, page.items)
        return Page.of(items, has_more=page.has_more, next_cursor=page.next_cursor)

    def ledger(self, after: int, up_to: int | None, struck: Counter[str]) -> ChaosLedger:
        """What is committed of the sales above `after` up to `up_to`, and what of it cannot be read as it is served."""
        committed, sound = Totals.none(), Totals.none()
        malformed, uncommitted, deleted = list[int](), list[int](), list[int]()
        for first, last in blocks_of_sales(after + 1, self.end_of_sales(up_to)):
            headers = self._sales.headers(first, last).with_columns(self._fate())
            there = headers.filter(fate="committed")
            unfit = self._spoiler.unfit("sales", there["sale_id"])
            committed += self._sum(there)
            sound += self._sum(there.filter(~pl.col("sale_id").is_in(unfit.to_list())))
            malformed += unfit.to_list()
            uncommitted += headers.filter(fate="uncommitted")["sale_id"].to_list()
            deleted += headers.filter(fate="deleted")["sale_id"].to_list()
        return ChaosLedger(
            **_sums(committed).model_dump(),
            sound=_sums(sound),
            malformed=malformed,
            uncommitted=uncommitted,
            deleted=deleted,
            malformed_customers=self._unfit("customers"),
            malformed_products=self._unfit("products"),
            malformed_stores=self._unfit("stores"),
            faults=dict(struck),
        )

    def _unfit(self, resource: str) -> list[int]:
        return sorted(self._spoiler.unfit(resource, self._listing(resource)[KEYS[resource]]))

    def _committed(self, after: int, end: int, wanted: int) -> list[int]:
        """The first `wanted` committed ids above `after`: looked for block by block, so that a page costs its size."""
        ids: list[int] = []
        while len(ids) < wanted and after < end:
            last = min(end, after + max(_LEAST_LOOK, 2 * (wanted - len(ids))))
            block = pl.int_range(after + 1, last + 1, eager=True, dtype=pl.Int64).alias("sale_id")
            dated = block.to_frame().with_columns(self._timeline.seconds(block))
            ids += dated.with_columns(self._fate()).filter(fate="committed")["sale_id"].to_list()
            after = last
        return ids[:wanted]

    def _fate(self) -> pl.Expr:
        """What has become of a sale by now: `committed`, `uncommitted` yet, or `deleted`. Needs sale_id, sold_at."""
        now = int(self.now().timestamp())
        delay = pl.when(happens(self._draw("late"), self._late)).then(self._seconds("late-by")).otherwise(0)
        committed_at = pl.col("sold_at") + delay
        is_deleted = happens(self._draw("gone"), self._deleted) & (committed_at + self._seconds("gone-by") <= now)
        fate = pl.when(committed_at > now).then(pl.lit("uncommitted")).when(is_deleted).then(pl.lit("deleted"))
        return fate.otherwise(pl.lit("committed")).alias("fate")

    def _seconds(self, purpose: str) -> pl.Expr:
        return _SHORTEST_SECONDS + below(self._draw(purpose), LONGEST_SECONDS - _SHORTEST_SECONDS + 1)

    def _draw(self, purpose: str) -> pl.Expr:
        return draw(pl.col("sale_id"), self._chaos_seed, purpose)

    def _is_settled(self, sale_id: int) -> bool:
        sold_at = self._timeline.seconds(pl.Series("sale_id", [sale_id], dtype=pl.Int64))[0]
        return bool(sold_at + 2 * LONGEST_SECONDS <= int(self.now().timestamp()))

    def _totals_of(self, first: int, last: int) -> Totals:
        return self._sum(self._sales.headers(first, last).with_columns(self._fate()).filter(fate="committed"))


def _sums(totals: Totals) -> SalesTotals:
    return SalesTotals(
        sales=totals.sales, lines=totals.lines, net_amount=str(totals.net_amount), checksum=str(totals.checksum)
    )
