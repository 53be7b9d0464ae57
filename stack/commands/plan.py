"""`./retail plan`: what the next run would fetch and do. Asks the source and the warehouse; changes nothing."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gold.build import gold_due
from gold.dashboards import outgrown_views
from gold.shapes import outgrown_tables
from ingestion.api.client import SourceClient
from ingestion.record_ids import id_of_cursor
from loaders.dataset import DATASETS
from medallion.database import connect, transaction
from medallion.entities.registry import ENTITIES
from medallion.entity_words import position_after
from medallion.errors import NotOffered, ResourceNotOffered
from medallion.schema import prepare_schema
from medallion.state.backfill_ranges import read_progress
from medallion.state.gaps import open_gaps
from medallion.state.gold_progress import gold_rebuild_wanted
from medallion.state.receipts import unloaded_files
from medallion.state.reconciliation import is_unbalanced, is_unchecked
from medallion.wording import counted
from stack.commands.layer_report import read_watermarks
from stack.services.warehouse import platform, with_source

if TYPE_CHECKING:
    from psycopg2.extensions import connection
    from rich.console import Console

    from medallion.state.backfill_ranges import Progress
    from stack.commands.layer_report import Watermark
    from stack.host.console import Talk
    from stack.host.home import Home
    from stack.host.settings import StackSettings

_LARGEST_ID = 2**63 - 1


@dataclass(frozen=True)
class PendingPull:
    """Records at the source after an entity's watermark; without `is_all` there may be more."""

    entity: str
    watermark: str | None
    records: int
    is_all: bool


@dataclass(frozen=True)
class Plan:
    """What the next run would do. `bronze_files`: files waiting for Silver, by dataset; `gold`: increments of Gold.

    After these, `gold` has the views for dashboards that are missing or outgrown. `whole_gold`: a rebuild of Gold is
    requested. `unbalanced`: sales have to be reconciled with the source. `backfill`: a backfill under way, of which the
    run pulls what is left.
    """

    pull: tuple[PendingPull, ...]
    gap_ranges: int
    gap_ids: int
    bronze_files: dict[str, int]
    gold: tuple[str, ...]
    whole_gold: bool
    unbalanced: bool
    backfill: Progress | None = None


def read_plan(home: Home, settings: StackSettings, talk: Talk) -> Plan:
    """Read the plan. Starts warehouse and source if need be. Raises SourceError or DatabaseError."""
    with platform(home, settings, talk) as endpoints, connect(endpoints.database_url) as conn:
        prepare_schema(conn)
        with SourceClient(with_source(settings, endpoints)) as source:
            declared = [one for one in read_watermarks(conn) if one.entity in ENTITIES]
            pull = tuple(_pending_pull(source, watermark) for watermark in declared)
        return _plan(conn, pull)


def print_plan(plan: Plan, console: Console) -> None:
    """Print the plan."""
    for one in plan.pull:
        count = counted(one.records, "record") if one.is_all else f"{one.records:,} or more records"
        position = position_after(ENTITIES[one.entity], one.watermark)
        console.print(f"pull    {one.entity:<10} {count} {position}", markup=False)
    if plan.backfill:
        console.print(f"pull    {'backfill':<10} {plan.backfill.words()}")
    if plan.gap_ids:
        console.print(f"pull    {'gaps':<10} {_gaps(plan)}")
    for dataset, files in plan.bronze_files.items():
        console.print(f"load    {dataset:<10} {counted(files, 'Bronze file')} that Silver has not taken")
    if plan.gold:
        console.print(f"build   gold       {', '.join(plan.gold)}")
    if plan.whole_gold:
        console.print("build   gold       from the beginning, as was asked for")
    if plan.unbalanced:
        console.print("check   sales      against the source's totals")
    due = (plan.bronze_files, plan.gap_ids, plan.gold, plan.whole_gold, plan.unbalanced)
    if not (any(one.records for one in plan.pull) or any(due)):
        console.print("nothing: the layers hold what the source has")


def _gaps(plan: Plan) -> str:
    verb = "is" if plan.gap_ids == 1 else "are"
    return f"{counted(plan.gap_ids, 'id')} in {counted(plan.gap_ranges, 'range')} {verb} asked for again"


def _pending_pull(source: SourceClient, watermark: Watermark) -> PendingPull:
    """What a pull would find: for sales by totals, where the source offers them; else by one page."""
    cursor = watermark.cursor_value
    if watermark.entity == "sales":
        with suppress(NotOffered):
            totals = source.sales_totals(id_of_cursor("sales", cursor) if cursor else 0, _LARGEST_ID)
            return PendingPull(watermark.entity, cursor, totals.sales, is_all=True)
    try:
        page = source.page(watermark.entity, cursor)
    except ResourceNotOffered:
        if cursor is not None or not ENTITIES[watermark.entity].is_optional:
            raise
        return PendingPull(watermark.entity, cursor, 0, is_all=True)
    return PendingPull(watermark.entity, cursor, len(page.items), is_all=not page.has_more)


def _plan(conn: connection, pull: tuple[PendingPull, ...]) -> Plan:
    with transaction(conn):
        gaps, backfill = open_gaps(conn), read_progress(conn, "sales")
        is_whole, unbalanced = gold_rebuild_wanted(conn), is_unbalanced(conn) or is_unchecked(conn)
        waiting = {name: len(files) for name in DATASETS if (files := unloaded_files(conn, name))}
    due, outgrown = gold_due(conn), outgrown_tables(conn)
    return Plan(
        pull=pull,
        gap_ranges=len(gaps),
        gap_ids=sum(gap.last - gap.first + 1 for gap in gaps),
        bronze_files=waiting,
        gold=(*sorted({f"{one.model} from {one.source_table}" for one in due}), *outgrown_views(conn)),
        whole_gold=is_whole or bool(outgrown),
        unbalanced=unbalanced,
        backfill=backfill,
    )
