"""The backfill of sales: `python -m ingestion.sales_backfill` pulls open ranges until none is left.

Start one process per processor. `./retail backfill` does, and so does the DAG retail_backfill.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingestion.backfill import plan_ranges, pull_open_ranges, pull_range
from ingestion.sales import SALES
from medallion.database import transaction
from medallion.errors import NothingToDo
from medallion.process.step import hand_run_id, run_step
from medallion.state.backfill_ranges import read_progress
from medallion.wording import counted

if TYPE_CHECKING:
    from psycopg2.extensions import connection

    from ingestion.entity import PullResult
    from medallion.settings import Settings
    from medallion.state.id_range import IdRange


@dataclass(frozen=True)
class BackfillPlan:
    """The ranges of a backfill."""

    ranges: tuple[IdRange, ...]

    def calls(self) -> list[dict[str, int]]:
        """Arguments of `pull_sales_range`, for each range."""
        return [{"first": one.first} for one in self.ranges]

    def summary(self) -> str:
        """One line for a person."""
        return f"sales {self.ranges[0].first} to {self.ranges[-1].last} in {counted(len(self.ranges), 'range')}"


def plan_backfill(conn: connection, settings: Settings, *, run_id: str) -> BackfillPlan:  # noqa: ARG001 - a step
    """Cut the sales after the watermark into ranges, four for each of BACKFILL_JOBS, or resume existing ranges.

    Raises NothingToDo when there is too little to cut, SourceError or DatabaseError.
    """
    ranges = plan_ranges(SALES, conn, settings, most=4 * settings.backfill_jobs)
    if not ranges:
        raise NothingToDo("sales: too few lie after the watermark to be cut", remedy="the hourly run pulls them")
    return BackfillPlan(tuple(ranges))


def pull_sales_range(conn: connection, settings: Settings, *, run_id: str, first: int) -> PullResult:
    """Pull one range. Raises NothingToDo when it is finished or another process has it; otherwise as `pull_range`."""
    collected = pull_range(SALES, conn, settings, run_id=run_id, first=first)
    if collected is None:
        raise NothingToDo(
            f"sales from {first}: the range is finished, or another process has it", remedy="nothing is left to do here"
        )
    return collected


def _work(conn: connection, settings: Settings) -> str:
    finished = pull_open_ranges(SALES, conn, settings, run_id=hand_run_id())
    with transaction(conn):
        progress = read_progress(conn, SALES.name)
    return (
        f"sales: {counted(finished, 'range')} finished; {progress.words() if progress else 'the backfill is through'}"
    )


if __name__ == "__main__":
    run_step(_work)
