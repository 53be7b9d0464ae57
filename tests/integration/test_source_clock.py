"""A version from the future wins over nothing: it is set aside until its moment has come, also in a rebuild."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from psycopg2.extensions import connection

from loaders.load_all_silver import load_all_silver
from loaders.load_customers import load_customers
from loaders.rejects import list_rejects, retry_rejects
from medallion.errors import DataQualityError
from medallion.settings import Settings
from quality.rebuild import rebuild_beside, rebuild_in_place
from tests.integration.test_quarantine import header, line
from tests.integration.test_silver import cities, customer, land, load_lines
from tests.pipeline import build_untested
from tests.queries import rows

STATUS = "select field, status from meta.rejected_record order by rejected_record_id"


def now(conn: connection) -> datetime:
    ((moment,),) = rows(conn, "select clock_timestamp()")
    return moment  # type: ignore[no-any-return]


def ahead(conn: connection, **later: float) -> str:
    """A moment that much after now, by the warehouse's clock."""
    return (now(conn) + timedelta(**later)).isoformat()


def execute(conn: connection, statement: str, *values: object) -> None:
    with conn, conn.cursor() as cursor:
        cursor.execute(statement, values)


def as_if_landed(conn: connection, moment: datetime) -> None:
    """Every file so far landed then."""
    execute(conn, "update meta.bronze_file set landed_at = %s", moment)


def test_a_record_from_the_future_is_set_aside_and_its_correction_wins(conn: connection, settings: Settings) -> None:
    load_lines(conn, settings, customer(city="Wrong", updated_at="2099-01-01T00:00:00Z"), customer(customer_id=2))
    assert cities(conn) == {2: "Lyon"}
    assert rows(conn, STATUS) == [("updated_at", "OPEN")]
    load_lines(conn, settings, customer(city="Right", updated_at=ahead(conn, hours=-1)))
    assert cities(conn) == {1: "Right", 2: "Lyon"}
    assert rows(conn, STATUS) == [("updated_at", "RESOLVED")]


@pytest.mark.parametrize(
    ("seconds", "is_taken"), [(3_599, True), (3_600, True), (3_601, False), (-(10**9), True), (10**10, False)]
)
@pytest.mark.parametrize("form", ["{:%Y-%m-%dT%H:%M:%SZ}", "{:%Y-%m-%dT%H:%M:%S.000Z}", "{:%Y-%m-%dT%H:%M:%S+00:00}"])
def test_what_counts_is_when_the_file_landed(
    conn: connection, settings: Settings, form: str, seconds: int, *, is_taken: bool
) -> None:
    landed = datetime(2026, 2, 28, 23, 0, 0, tzinfo=timezone.utc)
    land(conn, settings, [customer(updated_at=form.format(landed + timedelta(seconds=seconds)))])
    as_if_landed(conn, landed)
    assert load_customers(conn, settings, run_id="r").counts.inserted == is_taken


def test_an_offset_is_no_way_round_the_bound(conn: connection, settings: Settings) -> None:
    landed = datetime(2026, 3, 1, tzinfo=timezone.utc)
    behind, later = "2026-03-01T14:00:00+14:00", "2026-02-28T23:30:00-14:00"
    land(conn, settings, [customer(updated_at=behind), customer(customer_id=2, updated_at=later)])
    as_if_landed(conn, landed)
    load_customers(conn, settings, run_id="r")
    assert list(cities(conn)) == [1]


def test_the_tolerance_is_a_setting(conn: connection, settings: Settings) -> None:
    wide = settings.model_copy(update={"source_clock_tolerance_minutes": 1e12})
    load_lines(conn, wide, customer(updated_at="9999-12-31T23:59:59Z"))
    assert cities(conn) == {1: "Lyon"}


def test_a_sale_of_the_future_is_no_version_and_is_taken(conn: connection, settings: Settings) -> None:
    land(conn, settings, [header(sold_at="2099-01-01T00:00:00Z")], "sales_customer")
    land(conn, settings, [line()], "sales_product")
    load_all_silver(conn, settings, run_id="r")
    assert rows(conn, "select count(*) from silver.sales_customer") == [(1,)]


def test_a_record_that_breaks_another_rule_too_says_that_one(conn: connection, settings: Settings) -> None:
    load_lines(conn, settings, customer(country="x", updated_at="2099-01-01T00:00:00Z"))
    assert rows(conn, STATUS) == [("country", "OPEN")]


def test_a_retry_waits_until_the_moment_has_come(conn: connection, settings: Settings) -> None:
    moment = ahead(conn, hours=30)
    load_lines(conn, settings, customer(city="Early", updated_at=moment))
    retried = retry_rejects(conn, list_rejects(conn), run_id="early")
    assert retried.summary() == "0 loaded, 1 still refused"
    (reason,) = retried.reasons
    assert "still dated in the future: the warehouse's clock says" in reason
    assert rows(conn, STATUS) == [("updated_at", "OPEN")]


def come(conn: connection, settings: Settings) -> None:
    """A record that landed two days before its moment, which was an hour ago; and one that never came."""
    came, never = ahead(conn, hours=-1), "2099-01-01T00:00:00Z"
    land(conn, settings, [customer(city="Came", updated_at=came), customer(customer_id=2, updated_at=never)])
    as_if_landed(conn, now(conn) - timedelta(days=2))
    load_customers(conn, settings, run_id="r")
    assert cities(conn) == {}
    assert retry_rejects(conn, list_rejects(conn), run_id="later").summary() == "1 loaded, 1 still refused"
    assert cities(conn) == {1: "Came"}


@pytest.mark.slow
def test_what_a_retry_let_in_stays_when_silver_is_built_again(
    conn: connection,
    beside: connection,
    settings: Settings,
) -> None:
    come(conn, settings)
    land(conn, settings, [header()], "sales_customer")
    land(conn, settings, [line()], "sales_product")
    load_all_silver(conn, settings, run_id="r")
    build_untested(conn, settings)
    assert all(one.same for one in rebuild_beside(conn, beside, settings, run_id="beside").tables)
    rebuild_in_place(conn, settings, run_id="in place")
    assert cities(conn) == {1: "Came"}
    assert rows(conn, STATUS) == [("updated_at", "RESOLVED"), ("updated_at", "OPEN")]


def test_what_was_corrected_is_not_let_in_when_silver_is_built_again(conn: connection, settings: Settings) -> None:
    load_lines(conn, settings, customer(city="Wrong", updated_at=ahead(conn, hours=2)))
    load_lines(conn, settings, customer(city="Right", updated_at=ahead(conn, hours=-3)))
    execute(conn, "truncate silver.customers; update meta.bronze_file set silver_load_id = null")
    load_customers(conn, settings, run_id="again")
    assert cities(conn) == {1: "Right"}


def test_a_file_full_of_the_future_names_the_clock(conn: connection, settings: Settings) -> None:
    early = ahead(conn, hours=5)
    land(conn, settings, [customer(customer_id=n, updated_at=early) for n in range(1, 31)])
    with pytest.raises(DataQualityError, match=r"30 of 30 records are dated more than .* the clock of the source"):
        load_customers(conn, settings, run_id="r")
    assert cities(conn) == {}
    patient = settings.model_copy(update={"source_clock_tolerance_minutes": 600})
    assert load_customers(conn, patient, run_id="r").counts.inserted == 30


def test_small_blocks_know_the_lines_that_were_let_in(conn: connection, settings: Settings) -> None:
    lines = [customer(customer_id=number) for number in range(1, 40)]
    lines[29] = customer(customer_id=30, updated_at=ahead(conn, hours=-1))
    land(conn, settings, lines)
    as_if_landed(conn, now(conn) - timedelta(days=2))
    small = settings.model_copy(update={"load_chunk_bytes": 900})
    load_customers(conn, small, run_id="r")
    assert 30 not in cities(conn)
    retry_rejects(conn, list_rejects(conn), run_id="later")
    execute(conn, "truncate silver.customers; update meta.bronze_file set silver_load_id = null")
    load_customers(conn, small, run_id="again")
    assert 30 in cities(conn)
