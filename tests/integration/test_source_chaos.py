"""Each fault as a caller meets it, over real HTTP; and the pipeline under it: when it stops, Silver is the ledger."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
import stamina
from psycopg2.extensions import connection

from backend.main import create_app
from backend.settings import SourceSettings
from ingestion.customers import collect_customers
from ingestion.products import collect_products
from ingestion.sales import collect_sales
from loaders.load_all_silver import load_all_silver
from medallion.errors import SourceError, SourceUnavailable, SourceViolation
from medallion.settings import Settings
from tests.conftest import KEY, NOON, START, Source, serving
from tests.queries import rows

PATHS = ["/customers", "/products", "/sales", "/sales/totals"]
WORLD: dict[str, Any] = {"seed": 7, "start": START, "sales_per_hour": 20, "customers": 200, "products": 60}
LATER = NOON + timedelta(hours=7)  # by then every late sale has come and every doomed one has gone


@dataclass
class Misbehaving(Source):
    """A source whose clock a test sets, and its truth."""

    client: httpx.Client

    def get(self, path: str, **params: Any) -> httpx.Response:
        return self.client.get(path, params=params)

    def ledger(self, **params: Any) -> dict[str, Any]:
        answer = self.get("/chaos/ledger", **params)
        assert answer.status_code == 200
        told: dict[str, Any] = answer.json()
        return told


@contextmanager
def misbehaving(chaos: str | None, *, now: datetime = NOON, seed: int = 1) -> Iterator[Misbehaving]:
    app = create_app(SourceSettings(now=now, chaos=chaos, chaos_seed=seed, api_key=KEY, **WORLD))
    headers = {"X-API-Key": KEY, "Accept-Encoding": "identity"}
    with serving(app) as url, httpx.Client(base_url=url, headers=headers) as client:
        yield Misbehaving(url, app.state.data, client)


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3):
        yield


# ---- as a caller meets it


def test_without_chaos_there_is_no_ledger_and_no_word_of_it(source: Source) -> None:
    assert httpx.get(f"{source.url}/chaos/ledger", headers={"X-API-Key": KEY}).status_code == 404
    assert "chaos" not in httpx.get(f"{source.url}/openapi.json").text


def test_the_ledger_needs_the_key_and_is_never_struck_itself() -> None:
    with misbehaving("errors:1") as source:
        assert httpx.get(f"{source.url}/chaos/ledger").status_code == 401
        assert source.ledger()["sales"] == source.data.last_sale_id()


def test_only_data_misbehaves() -> None:
    with misbehaving("errors:1") as source:
        for path in ("/livez", "/readyz", "/openapi.json", "/docs"):
            assert source.get(path).status_code == 200


def test_a_rate_limit_is_a_429_and_says_when_to_come_again() -> None:
    with misbehaving("rate-limits:1") as source:
        answers = [source.get(path) for path in PATHS for _ in range(20)]
        assert source.ledger()["faults"] == {"rate-limits": 80}
    assert {answer.status_code for answer in answers} == {429}
    assert {answer.headers.get("retry-after") for answer in answers} <= {None, "0", "1", "2"}
    assert any("retry-after" in answer.headers for answer in answers)


def test_errors_are_of_every_kind() -> None:
    with misbehaving("errors:1") as source:
        answers = [source.get(path) for path in PATHS for _ in range(10)]
    assert {answer.status_code for answer in answers} == {500, 502, 503, 504}
    assert {answer.headers["content-type"].partition(";")[0] for answer in answers} == {
        "application/problem+json",
        "text/html",
    }


@pytest.mark.parametrize("path", PATHS)
def test_a_truncated_answer_is_cut_on_the_wire_or_in_its_body(path: str) -> None:
    with misbehaving("truncated:1") as source:
        cuts = set()
        for _ in range(20):
            try:
                page = source.get(path).json()
                assert page["count"] == len(page["items"]) + 1
                cuts.add("count")
            except httpx.RemoteProtocolError:
                cuts.add("wire")
            except json.JSONDecodeError:
                cuts.add("body")
    assert cuts == ({"wire", "body"} if path.endswith("totals") else {"wire", "body", "count"})


def test_a_compressed_answer_is_truncated_too() -> None:
    def read(source: Misbehaving) -> None:
        for _ in range(20):
            source.client.get("/sales", headers={"Accept-Encoding": "gzip"})

    with misbehaving("truncated:1") as source, pytest.raises((httpx.TransportError, httpx.DecodingError)):
        read(source)


def test_a_slow_answer_is_whole_but_takes_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend.chaos.responses.LONGEST_PAUSE_SECONDS", 0.4)
    with misbehaving("slow:1") as source, misbehaving(None) as plain:
        answers = [source.get("/sales", limit=50) for _ in range(5)]
        assert {answer.content for answer in answers} == {plain.get("/sales", limit=50).content}
        assert max(answer.elapsed for answer in answers) > timedelta(seconds=0.1)


def test_a_duplicate_page_is_the_one_before() -> None:
    with misbehaving("duplicate-pages:0.5") as source:
        cursors = [source.get("/sales", cursor=str(number), limit=1).json()["next_cursor"] for number in range(30)]
        times = source.ledger()["faults"]["duplicate-pages"]
    stale = [now for before, now in itertools.pairwise(cursors) if now == before]
    assert 0 < len(stale) <= times
    assert set(cursors) <= {str(number) for number in range(1, 31)}


def test_reordered_records_are_the_same_records() -> None:
    with misbehaving("reordered:1") as source, misbehaving(None) as plain:
        found, expected = source.get("/sales", limit=50).json(), plain.get("/sales", limit=50).json()
    assert found["items"] != expected["items"]
    assert sorted(found["items"], key=lambda sale: sale["sale_id"]) == expected["items"]
    assert found | {"items": []} == expected | {"items": []}


def test_late_sales_are_missing_from_pages_totals_and_the_ledger_alike() -> None:
    with misbehaving("late-commits:0.4") as source:
        newest = source.data.last_sale_id()
        page = source.get("/sales", cursor=str(newest - 60), limit=500).json()
        totals = source.get("/sales/totals", after=newest - 60).json()
        told = source.ledger(after=newest - 60)
        assert 0 < page["count"] == totals["sales"] == told["sales"] < 60
        assert len(told["uncommitted"]) == 60 - page["count"]
        source.set_clock(LATER)
        assert source.ledger(after=newest - 60, up_to=newest)["uncommitted"] == []


def test_two_sources_of_one_seed_give_the_same_answers_in_the_same_order() -> None:
    chaos = "errors:0.3,truncated:0.2,reordered:0.2,malformed:0.1,late-commits:0.1"

    def answers(seed: int) -> list[Any]:
        with misbehaving(chaos, seed=seed) as source:
            found: list[Any] = []
            for number in range(30):
                try:
                    answer = source.get("/sales", cursor=str(number * 50), limit=50)
                    found.append((answer.status_code, answer.content))
                except httpx.RemoteProtocolError:
                    found.append("cut")
            return found

    first = answers(1)
    assert first == answers(1)
    assert first != answers(2)


# ---- the pipeline under it


def hour(conn: connection, settings: Settings, url: str, run_id: str) -> list[SourceError]:
    """One run against `url`: the errors of its collectors; what they landed is loaded all the same."""
    patient = {"sales_gap_ttl_hours": 1e6}  # this source's clock stands in the past
    there, errors = settings.model_copy(update={"source_api_url": url} | patient), list[SourceError]()
    for collect in (collect_customers, collect_products, collect_sales):
        try:
            collect(conn, there, run_id=run_id)
        except SourceError as error:
            errors.append(error)
    load_all_silver(conn, there, run_id=run_id)
    return errors


def silver_totals(conn: connection, without: Sequence[int] = ()) -> dict[str, Any]:
    """Silver's sales in the words of the ledger."""
    spoilt = f"where sale_id <> all(array{list(without)}::bigint[])"
    (sales,) = rows(conn, f"select count(*) from silver.sales_customer {spoilt}")[0]
    lines, net = rows(
        conn, f"select count(*), sum(quantity * unit_price - discount)::text from silver.sales_product {spoilt}"
    )[0]
    return {"sales": sales, "lines": lines, "net_amount": net}


def silver_ids(conn: connection, entity: str) -> set[int]:
    table, key = {"sales": ("sales_customer", "sale_id")}.get(entity, (entity, f"{entity[:-1]}_id"))
    return {row[0] for row in rows(conn, f"select {key} from silver.{table}")}


def whole_in_silver(conn: connection, truth: Source) -> set[int]:
    """Sales of which Silver has the header and every line."""
    sales = [json.loads(item) for item in truth.data.sales_page(None, 10**9, None).items]
    lines = dict(rows(conn, "select sale_id, count(*) from silver.sales_product group by 1"))
    headers = silver_ids(conn, "sales")
    return {one["sale_id"] for one in sales if lines.get(one["sale_id"]) == len(one["lines"])} & headers


def open_gaps(conn: connection) -> set[int]:
    gaps = rows(conn, "select from_id, to_id from meta.sales_gap where status = 'OPEN'")
    return {sale_id for first, last in gaps for sale_id in range(first, last + 1)}


def totals_of(told: dict[str, Any]) -> dict[str, Any]:
    return {name: told[name] for name in ("sales", "lines", "net_amount")}


def assert_silver_is(conn: connection, told: dict[str, Any]) -> None:
    assert silver_totals(conn) == totals_of(told)
    assert rows(conn, "select count(*) from meta.bronze_file where silver_load_id is null") == [(0,)]


@pytest.mark.parametrize(
    ("chaos", "seed"),
    [
        ("rate-limits:0.5", 1),
        ("errors:0.5", 1),
        ("truncated:0.5", 1),
        ("duplicate-pages:0.5", 1),
        ("reordered:0.3", 3),
        ("errors:0.2,truncated:0.2,rate-limits:0.1,duplicate-pages:0.1,reordered:0.1", 1),
    ],
)
def test_a_fault_in_transit_costs_time_and_no_sale(conn: connection, settings: Settings, chaos: str, seed: int) -> None:
    small = settings.model_copy(update={"source_page_size": 200, "bronze_part_bytes": 1})
    with misbehaving(chaos, seed=seed) as source, misbehaving(None) as mended:
        errors = hour(conn, small, source.url, "struck")
        told = source.ledger()
        assert len(told["faults"]) > chaos.count(",") / 2
        assert all(isinstance(error, (SourceUnavailable, SourceViolation)) for error in errors)
        assert hour(conn, small, mended.url, "clean") == []
        assert_silver_is(conn, told)
        for entity in ("customers", "products"):
            key, plain = f"{entity[:-1]}_id", source.data.listing_page(entity, None, 10**9)
            assert silver_ids(conn, entity) == {json.loads(item)[key] for item in plain.items}


def test_a_source_that_is_unwell_now_and_then_is_outlasted(conn: connection, settings: Settings) -> None:
    small = settings.model_copy(update={"source_page_size": 100})
    with misbehaving("errors:0.2,rate-limits:0.2,truncated:0.2") as source, stamina.set_testing(True, attempts=30):
        assert hour(conn, small, source.url, "struck") == []
        told = source.ledger()
        assert set(told["faults"]) == {"errors", "rate-limits", "truncated"}
        assert_silver_is(conn, told)


def test_a_source_too_slow_for_the_time_limit_is_given_up_and_the_next_run_goes_on(
    conn: connection, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.chaos.responses.LONGEST_PAUSE_SECONDS", 0.8)
    hasty = settings.model_copy(update={"source_request_timeout_seconds": 0.05})
    with misbehaving("slow:1") as source, misbehaving(None) as mended:
        errors = hour(conn, hasty, source.url, "struck")
        assert [type(error) for error in errors] == [SourceUnavailable] * 3
        assert silver_totals(conn)["sales"] == 0
        assert hour(conn, settings, mended.url, "clean") == []
        assert_silver_is(conn, source.ledger())


def test_late_sales_arrive_with_a_run_after_they_committed(conn: connection, settings: Settings) -> None:
    with misbehaving("late-commits:0.4") as source:
        noon = source.data.last_sale_id()
        for minutes in (0, 60, 120):
            source.set_clock(NOON + timedelta(minutes=minutes))
            assert hour(conn, settings, source.url, f"at {minutes}") == []
            assert_silver_is(conn, source.ledger())
        assert source.ledger()["uncommitted"]
        source.set_clock(LATER)
        assert hour(conn, settings, source.url, "last") == []
        assert_silver_is(conn, source.ledger())
        assert set(range(1, noon + 1)) < silver_ids(conn, "sales")
        assert open_gaps(conn) <= set(source.ledger()["uncommitted"])


def test_a_sale_that_vanished_stays_as_it_was_read_and_one_never_read_is_a_gap(
    conn: connection, settings: Settings
) -> None:
    with misbehaving("deletes:0.2") as source, misbehaving(None, now=LATER) as mended:
        assert hour(conn, settings, source.url, "early") == []
        read = silver_ids(conn, "sales")
        source.set_clock(LATER)
        told = source.ledger()
        assert hour(conn, settings, source.url, "later") == []
        held, gone = silver_ids(conn, "sales"), set(told["deleted"])
        assert gone & read
        assert gone - read
        assert len(held - gone) == told["sales"]
        assert held & gone == read & gone
        assert open_gaps(conn) == gone - held
        assert hour(conn, settings, mended.url, "clean") == []
        assert silver_ids(conn, "sales") == set(range(1, mended.data.last_sale_id() + 1))


@pytest.mark.parametrize("chaos", ["malformed:0.05", "schema-drift:0.1", "malformed:0.03,schema-drift:0.03"])
def test_a_record_that_is_spoilt_is_set_aside_and_all_others_are_silver(
    conn: connection, settings: Settings, chaos: str
) -> None:
    with misbehaving(chaos) as source, misbehaving(None) as mended:
        assert hour(conn, settings, source.url, "struck") == []
        told = source.ledger()
        assert told["malformed"]
        assert silver_totals(conn, without=told["malformed"]) == totals_of(told["sound"])
        for entity in ("customers", "products"):
            spoilt, plain = set(told[f"malformed_{entity}"]), mended.data.listing_page(entity, None, 10**9)
            key = f"{entity[:-1]}_id"
            assert silver_ids(conn, entity) == {json.loads(item)[key] for item in plain.items} - spoilt
        aside = dict(rows(conn, "select dataset, count(*) from meta.rejected_record where status = 'OPEN' group by 1"))
        assert aside["customers"] == len(told["malformed_customers"])
        assert aside["products"] == len(told["malformed_products"])
        assert not whole_in_silver(conn, mended) & set(told["malformed"])
        passed_over = open_gaps(conn)
        assert bool(passed_over) == ("malformed" in chaos)  # an id that cannot be read is one that never came
        assert hour(conn, settings, mended.url, "clean") == []
        assert whole_in_silver(conn, mended) >= passed_over
        assert open_gaps(conn) == set()


def test_a_full_refresh_from_the_mended_source_brings_what_was_spoilt(conn: connection, settings: Settings) -> None:
    with misbehaving("malformed:0.05,schema-drift:0.05") as source, misbehaving(None) as mended:
        hour(conn, settings, source.url, "struck")
        there = settings.model_copy(update={"source_api_url": mended.url})
        for collect in (collect_customers, collect_products, collect_sales):
            collect(conn, there, run_id="again", full_refresh=True)
        load_all_silver(conn, there, run_id="again")
        assert_silver_is(conn, source.ledger())


def test_everything_at_once_for_hours_and_then_one_clean_run(conn: connection, settings: Settings) -> None:
    chaos = "late-commits:0.2,errors:0.1,truncated:0.1,rate-limits:0.05,duplicate-pages:0.05,reordered:0.05"
    with ExitStack() as stack:
        source = stack.enter_context(misbehaving(chaos, seed=5))
        for hours in range(5):
            source.set_clock(NOON + timedelta(hours=hours))
            hour(conn, settings, source.url, f"hour {hours}")
        mended = stack.enter_context(misbehaving(None, now=LATER))
        assert hour(conn, settings, mended.url, "clean") == []
        source.set_clock(LATER + timedelta(hours=7))
        assert_silver_is(conn, source.ledger(up_to=mended.data.last_sale_id()))
