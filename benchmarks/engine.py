"""What a comparison knows of an engine: prepare it, run it in an empty world, ask what it loaded."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from medallion.state.reconciliation import Totals

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from psycopg2.extensions import connection

    from benchmarks.world import Stage, World

NET_AMOUNT = "coalesce(sum(quantity * unit_price - discount), 0)"


@dataclass(frozen=True)
class Timing:
    """Seconds of one run, as a user who waits sees them; `steps` are parts of it, by name.

    `processor_seconds` is what its own processes used; the servers they talk to are not in it.
    """

    seconds: float
    processor_seconds: float
    steps: Mapping[str, float] = field(default_factory=dict)


class Engine(ABC):
    """One way of doing the work.

    `starts_from` names the database its world is cloned from: "empty" has the schema, "silver" all of Silver too.
    `counts` names the totals that it can be held to.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    starts_from: ClassVar[str] = "empty"
    counts: ClassVar[tuple[str, ...]] = ("sales", "lines", "net_amount")

    def prepare(self, folder: Path, shared: Stage, loaded: World) -> None:  # noqa: B027 - most need nothing
        """Whatever has to be done once, untimed; `loaded` has all of Silver. Raises EngineUnavailable."""

    @abstractmethod
    def run(self, world: World) -> Timing:
        """Do the work once. Raises EngineFailed."""

    @abstractmethod
    def loaded(self, conn: connection) -> Totals:
        """What the run left in the database, to be compared with the source's own totals."""


def totals_of(conn: connection, sales: str, lines: str) -> Totals:
    """Sales by the one query, lines and net amount by the other. The queries are the engines' own."""
    with conn.cursor() as cursor:
        cursor.execute(sales)
        count = (cursor.fetchone() or (0,))[0]
        cursor.execute(lines)
        row = cursor.fetchone() or (0, 0)
    return Totals(count, row[0], row[1])


def silver_totals(conn: connection) -> Totals:
    """What Silver holds."""
    return totals_of(
        conn,
        "select count(*) from silver.sales_customer",
        f"select count(*), {NET_AMOUNT} from silver.sales_product",  # noqa: S608 - a constant of ours
    )
