"""Whatever the order of commits, the size of pages, parts and blocks, or a failure between: Silver is the ledger."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from psycopg2.extensions import connection

from ingestion.api.client import SourceClient
from ingestion.collector import collect
from ingestion.sales import SALES
from loaders.load_sales_customers import SALES_CUSTOMER
from loaders.load_sales_products import SALES_PRODUCT
from loaders.silver import load
from medallion.errors import SourceUnavailable
from medallion.settings import Settings
from tests.property.strategies import fit_sale, sale_lines, storable_text
from tests.property.warehouse import ScriptedSource, empty
from tests.queries import rows

LINES = "select sale_id, line_no, product_id, quantity, unit_price, discount from silver.sales_product"
NET = "select count(*), coalesce(sum(quantity * unit_price - discount), 0) from silver.sales_product"


@dataclass(frozen=True)
class Hour:
    """What the source commits before the run, and how the run goes."""

    sales: list[dict[str, Any]]
    fails_at: int | None
    is_full_refresh: bool


@st.composite
def histories(draw: st.DrawFn) -> list[Hour]:
    """Hours that share out some ids among them: any id may come hours after a larger one."""
    step = draw(st.sampled_from([1, 1, 2, 1_000_003, 2**57]))  # ids need not be dense
    ids = [step * one for one in draw(st.lists(st.integers(1, 30), unique=True, min_size=1, max_size=20))]
    made = [fit_sale(one, draw(sale_lines), draw(storable_text)) for one in ids]
    cuts = sorted(draw(st.lists(st.integers(0, len(made)), max_size=4)))
    shares = [made[start:end] for start, end in zip([0, *cuts], [*cuts, len(made)], strict=True)]
    failures = st.one_of(st.none(), st.integers(0, 4))
    return [Hour(share, draw(failures), draw(st.integers(0, 5)) == 0) for share in shares]


sources = st.builds(ScriptedSource, offers_totals=st.booleans())
sizes = st.fixed_dictionaries({
    "source_page_size": st.integers(1, 12),
    "bronze_part_bytes": st.sampled_from([1, 300, 64_000_000]),
    "load_chunk_bytes": st.sampled_from([1, 300, 12_000_000]),
})  # fmt: skip


def watermark(conn: connection) -> int:
    return int(rows(conn, "select cursor_value from meta.ingestion_state where entity = 'sales'")[0][0] or 0)


def pull(conn: connection, chosen: Settings, source: ScriptedSource, hour: Hour) -> None:
    source.commit(hour.sales)
    source.fail_at(hour.fails_at)
    client = SourceClient(chosen, transport=source)
    with suppress(SourceUnavailable):
        collect(SALES, conn, chosen, run_id="hour", client=client, full_refresh=hour.is_full_refresh)


def fold(conn: connection, chosen: Settings) -> None:
    for dataset in (SALES_CUSTOMER, SALES_PRODUCT):
        load(dataset, conn, chosen, run_id="hour")


def money_of(line: dict[str, Any]) -> tuple[str, str]:
    return line["unit_price"], line["discount"]


def ledger_lines(source: ScriptedSource) -> list[tuple[Any, ...]]:
    return sorted(
        (
            one,
            line["line_no"],
            line["product_id"],
            line["quantity"],
            *map(Decimal, (line["unit_price"], line["discount"])),
        )
        for one, made in source.sales.items()
        for line in made["lines"]
    )


def check_silver(conn: connection, source: ScriptedSource) -> None:
    lines = ledger_lines(source)
    assert sorted(rows(conn, LINES)) == lines
    net = sum((quantity * price - discount for _, _, _, quantity, price, discount in lines), Decimal())
    assert rows(conn, NET) == [(len(lines), net)]
    found = dict(rows(conn, "select sale_id, channel from silver.sales_customer"))
    assert found == {one: made["channel"] for one, made in source.sales.items()}


@given(history=histories(), chosen_sizes=sizes, source=sources)
def test_sales_committed_in_any_order_arrive_once_and_to_the_cent(
    conn: connection,
    settings: Settings,
    history: list[Hour],
    chosen_sizes: dict[str, int],
    source: ScriptedSource,
) -> None:
    empty(conn)
    chosen = settings.model_copy(update=chosen_sizes | {"source_retry_attempts": 1})
    for hour in history:
        pull(conn, chosen, source, hour)
        fold(conn, chosen)
    pull(conn, chosen, source, Hour([], None, is_full_refresh=False))
    fold(conn, chosen)
    check_silver(conn, source)
    assert rows(conn, "select count(*) from meta.rejected_record") == [(0,)]


@given(history=histories(), chosen_sizes=sizes, source=sources)
def test_the_watermark_never_goes_back_and_never_past_what_is_receipted(
    conn: connection,
    settings: Settings,
    history: list[Hour],
    chosen_sizes: dict[str, int],
    source: ScriptedSource,
) -> None:
    empty(conn)
    chosen = settings.model_copy(update=chosen_sizes | {"source_retry_attempts": 1})
    reached = 0
    for hour in history:
        pull(conn, chosen, source, hour)
        before, reached = reached, watermark(conn)
        receipted = rows(conn, "select coalesce(max(cursor_through::bigint), 0) from meta.bronze_file")
        assert before <= reached == receipted[0][0]
        assert reached == 0 or reached in source.sales


@given(history=histories(), times=st.integers(1, 3))
def test_files_loaded_again_change_no_row(
    conn: connection, settings: Settings, history: list[Hour], times: int
) -> None:
    empty(conn)
    source = ScriptedSource()
    for hour in history:
        pull(conn, settings, source, Hour(hour.sales, None, is_full_refresh=False))
    fold(conn, settings)
    before = rows(conn, "select * from silver.sales_product order by 1, 2")
    for _ in range(times):
        with conn, conn.cursor() as cursor:
            cursor.execute("update meta.bronze_file set silver_load_id = null")
        fold(conn, settings)
    assert rows(conn, "select * from silver.sales_product order by 1, 2") == before
