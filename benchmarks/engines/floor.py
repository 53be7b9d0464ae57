"""A limit: every byte of the sales read from the API and thrown away."""

from __future__ import annotations

import re
import time
from decimal import Decimal
from typing import TYPE_CHECKING

from benchmarks.engine import Engine, Timing
from benchmarks.world import World, http_client
from medallion.errors import EngineFailed
from medallion.state.reconciliation import Totals

if TYPE_CHECKING:
    from psycopg2.extensions import connection


_END = re.compile(rb'"count":(\d+),"has_more":(true|false),"next_cursor":"?([^"}]*)"?\}\Z')


class Floor(Engine):
    """What the source can give one reader: nobody's pipeline can be faster than the slower of this and its own work."""

    name = "floor"
    title = "limit: the same bytes read and thrown away"
    counts = ("sales",)
    _sales = 0

    def run(self, world: World) -> Timing:
        """One request after the other; of a page nothing but its end is looked at."""
        query, self._sales = {"limit": str(world.page_size)}, 0
        began, used = time.perf_counter(), time.process_time()
        with http_client(world) as client:
            while True:
                end = _END.search(client.get("/sales", params=query).raise_for_status().content[-200:])
                if end is None:
                    raise EngineFailed("a page of the source has no end", remedy="see that it speaks the contract")
                self._sales += int(end[1])
                if end[2] == b"false":
                    return Timing(time.perf_counter() - began, time.process_time() - used)
                query["cursor"] = end[3].decode()

    def loaded(self, conn: connection) -> Totals:
        """Sales it saw; it keeps nothing that lines could be counted in."""
        return Totals(self._sales, 0, Decimal(0))
