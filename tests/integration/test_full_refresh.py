"""A full refresh resumes where it was cut off, and ends whatever the length of history."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from psycopg2.extensions import connection

from ingestion.api.client import SourceClient
from ingestion.collector import collect
from ingestion.customers import CUSTOMERS
from ingestion.entity import Entity
from ingestion.sales import SALES, collect_sales
from loaders.load_all_silver import load_all_silver
from medallion.bronze.verify import retire_damaged, verify_bronze
from medallion.settings import Settings
from tests.conftest import serving
from tests.ledger_source import LedgerSource
from tests.listing_source import ListingSource, customer
from tests.queries import rows

REPLAYS = "select entity, cursor_value, finished_at is not null from meta.replay order by replay_id"
LANDED = "select sum(records) from meta.bronze_file where dataset in ('sales_customer', 'customers')"


class Both(LedgerSource):
    """Sales and customers of one source."""

    def __init__(self) -> None:
        super().__init__()
        self.listing = ListingSource()
        self.app.include_router(self.listing.app.router)

    def fill(self) -> None:
        self.commit_all(range(1, 101))
        self.listing.commit(*(customer(one, f"2026-10-01T00:{one // 60:02}:{one % 60:02}Z") for one in range(1, 101)))


@pytest.fixture
def both() -> Both:
    made = Both()
    made.fill()
    return made


@pytest.fixture
def chosen(settings: Settings, both: Both) -> Iterator[Settings]:
    with serving(both.app) as url:
        yield settings.model_copy(
            update={
                "source_api_url": url,
                "source_page_size": 10,
                "bronze_part_bytes": 1,
                "source_retry_attempts": 1,
                "source_lookback_minutes": 0.05,
            }
        )


def cut_after(chosen: Settings, answers: int) -> SourceClient:
    """A client whose process is ended after so many pages."""
    source = SourceClient(chosen)
    real: Callable[..., Any] = source.page
    left = answers

    def page(*arguments: Any, **named: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        return real(*arguments, **named)

    source.page = page  # type: ignore[method-assign]
    return source


@pytest.mark.parametrize("entity", [SALES, CUSTOMERS], ids=lambda one: one.name)
def test_a_full_refresh_that_is_cut_off_again_and_again_resumes_and_ends(
    conn: connection, chosen: Settings, entity: Entity
) -> None:
    collect(entity, conn, chosen, run_id="first")
    assert rows(conn, LANDED) == [(100,)]
    tries = 0
    while not rows(conn, "select from meta.replay where finished_at is not null"):
        tries += 1
        assert tries < 12
        with suppress(KeyboardInterrupt):
            collect(entity, conn, chosen, run_id="again", full_refresh=True, client=cut_after(chosen, 5))
    assert tries > 2
    assert rows(conn, LANDED) == [(200,)]
    watermark = f"select cursor_value from meta.ingestion_state where entity = '{entity.name}'"
    assert rows(conn, watermark)[0][0].endswith("100")


@pytest.mark.parametrize("entity", [SALES, CUSTOMERS], ids=lambda one: one.name)
def test_an_ordinary_hour_goes_on_with_a_full_refresh_for_a_while_and_says_so(
    conn: connection, chosen: Settings, both: Both, entity: Entity
) -> None:
    collect(entity, conn, chosen, run_id="first")
    with pytest.raises(KeyboardInterrupt):
        collect(entity, conn, chosen, run_id="cut", full_refresh=True, client=cut_after(chosen, 4))
    hasty = chosen.model_copy(update={"replay_minutes": 1e-9})
    both.commit(101)
    both.listing.commit(customer(101, "2026-10-01T00:02:00Z"))
    said = collect(entity, conn, hasty, run_id="hour").summary()
    assert "the next run resumes it" in said
    assert not rows(conn, REPLAYS)[0][2]
    collect(entity, conn, chosen, run_id="hour")
    assert rows(conn, REPLAYS)[0][2]
    landed = rows(conn, LANDED)[0][0]
    assert landed in (201, 202)  # a listing has its new record at its end, too
    assert collect(entity, conn, chosen, run_id="hour").files == 0


def test_what_is_new_is_pulled_before_a_full_refresh_goes_on(conn: connection, chosen: Settings, both: Both) -> None:
    collect(SALES, conn, chosen, run_id="first")
    both.commit_all(range(101, 105))
    with pytest.raises(KeyboardInterrupt):
        collect(SALES, conn, chosen, run_id="cut", full_refresh=True, client=cut_after(chosen, 3))
    load_all_silver(conn, chosen, run_id="cut")
    assert rows(conn, "select max(sale_id) from silver.sales_customer") == [(104,)]


def test_a_full_refresh_finds_what_was_never_pulled_and_keeps_its_gaps(
    conn: connection, chosen: Settings, both: Both
) -> None:
    del both.sales[50]
    collect_sales(conn, chosen, run_id="first")
    with conn, conn.cursor() as cursor:
        cursor.execute("delete from meta.sales_gap")
    both.commit(50)
    collect_sales(conn, chosen, run_id="again", full_refresh=True)
    load_all_silver(conn, chosen, run_id="again")
    assert rows(conn, "select count(*) from silver.sales_customer") == [(100,)]


def test_a_damaged_file_is_given_up_only_once_the_full_refresh_has_ended(conn: connection, chosen: Settings) -> None:
    collect_sales(conn, chosen, run_id="first")
    (path,) = rows(conn, "select path from meta.bronze_file order by path limit 1")[0]
    (Path(chosen.bronze_location) / path).write_bytes(b"")
    with pytest.raises(KeyboardInterrupt):
        collect(SALES, conn, chosen, run_id="cut", full_refresh=True, client=cut_after(chosen, 5))
    hasty = chosen.model_copy(update={"replay_minutes": 1e-9})
    collect_sales(conn, hasty, run_id="green, and not at its end")
    assert retire_damaged(conn, verify_bronze(conn, chosen)) == []
    collect_sales(conn, chosen, run_id="ends")
    assert retire_damaged(conn, verify_bronze(conn, chosen)) == [path]
