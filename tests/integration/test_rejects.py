"""Quarantine that can be worked with: a few bad records are set aside, many fail the load, and each can be retried."""

from __future__ import annotations

import json
from typing import Any

import pytest
from psycopg2.extensions import connection

from loaders.load_customers import load_customers
from loaders.rejects import discard_rejects, list_rejects, retry_rejects, show_rejects
from medallion.errors import ConfigurationError, DataQualityError
from medallion.settings import Settings
from tests.integration.test_silver import CUSTOMER, customer, land, load_lines
from tests.queries import rows

STATUS = "select status, resolved_load_id is not null from meta.rejected_record order by rejected_record_id"


def mend(conn: connection, record_id: int, **changes: Any) -> None:
    """As if our rules had changed: the record in quarantine becomes one that fits."""
    raw = json.dumps(CUSTOMER | changes).encode()
    with conn, conn.cursor() as cursor:
        cursor.execute("update meta.rejected_record set raw = %s where rejected_record_id = %s", (raw, record_id))


def test_a_retry_loads_what_fits_now_and_leaves_the_rest_open(conn: connection, settings: Settings) -> None:
    load_lines(conn, settings, customer(), customer(customer_id="x"), customer(customer_id="y"))
    first, second = list_rejects(conn)
    mend(conn, first.rejected_record_id, customer_id=2, city="Nice")
    retried = retry_rejects(conn, list_rejects(conn), run_id="by hand")
    assert (retried.resolved, retried.refused) == ((first.rejected_record_id,), (second.rejected_record_id,))
    assert rows(conn, STATUS) == [("RESOLVED", True), ("OPEN", False)]
    assert rows(conn, "select city from silver.customers where customer_id = 2") == [("Nice",)]
    log = "select dataset, status, rows_read, rows_inserted from meta.load where run_id = 'by hand' order by load_id"
    assert rows(conn, log) == [("customers", "SUCCESS", 1, 1), ("customers_version", "SUCCESS", 1, 1)]


def test_a_retry_never_brings_back_an_older_version(conn: connection, settings: Settings) -> None:
    load_lines(conn, settings, customer(city="Paris", updated_at="2026-03-01T00:00:00Z"), customer(customer_id="x"))
    (reject,) = list_rejects(conn)
    mend(conn, reject.rejected_record_id, city="Lyon", updated_at="2026-02-01T00:00:00Z")
    assert retry_rejects(conn, [reject], run_id="r").resolved == ()
    (mended,) = list_rejects(conn)
    assert retry_rejects(conn, [mended], run_id="r").resolved == (reject.rejected_record_id,)
    assert rows(conn, "select city from silver.customers") == [("Paris",)]


def test_a_second_retry_of_the_same_records_changes_nothing(conn: connection, settings: Settings) -> None:
    load_lines(conn, settings, customer(customer_id="x"))
    (reject,) = list_rejects(conn)
    mend(conn, reject.rejected_record_id)
    fit = list_rejects(conn)
    retry_rejects(conn, fit, run_id="r1")
    before = rows(conn, "select * from silver.customers")
    retry_rejects(conn, fit, run_id="r2")
    assert rows(conn, "select * from silver.customers") == before


def test_discarded_records_are_no_longer_open_and_stay_readable(conn: connection, settings: Settings) -> None:
    load_lines(conn, settings, customer(customer_id="x"))
    (reject,) = list_rejects(conn)
    assert discard_rejects(conn, [reject]) == 1
    assert list_rejects(conn) == []
    assert [one.raw for one in list_rejects(conn, status="DISCARDED")] == [reject.raw]
    assert retry_rejects(conn, list_rejects(conn, status=None), run_id="r").summary() == "0 loaded, 0 still refused"


def test_an_unknown_id_is_named(conn: connection) -> None:
    with pytest.raises(ConfigurationError, match="no rejected record has the id 7"):
        show_rejects(conn, [7])


def test_a_file_full_of_bad_records_fails_its_load_and_nothing_of_it_moves(
    conn: connection, settings: Settings
) -> None:
    land(conn, settings, [customer(), *(customer(customer_id=f"c{n}") for n in range(20))])
    with pytest.raises(DataQualityError, match="20 of 21 records do not fit"):
        load_customers(conn, settings, run_id="r1")
    assert rows(conn, "select count(*) from silver.customers") == [(0,)]
    assert list_rejects(conn) == []
    assert rows(conn, "select count(*) from meta.bronze_file where silver_load_id is null") == [(1,)]
    patient = settings.model_copy(update={"reject_limit_share": 1.0})
    assert load_customers(conn, patient, run_id="r2").counts.rejected == 20


def test_one_bad_record_among_many_is_set_aside(conn: connection, settings: Settings) -> None:
    strict = settings.model_copy(update={"reject_limit_share": 0.01, "reject_limit_count": 0})
    land(conn, strict, [customer(customer_id=n) for n in range(1, 200)] + [customer(customer_id="x")])
    assert load_customers(conn, strict, run_id="r").counts.rejected == 1
