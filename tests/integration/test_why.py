"""`./retail why`: its answers, compared with the Bronze files as plain Python reads them."""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from psycopg2.extensions import connection

from gold.build import build_core, build_mart, prepare
from ingestion.customers import collect_customers
from ingestion.listing import collect_listing
from ingestion.products import collect_products
from ingestion.sales import collect_sales
from loaders.load_all_silver import load_all_silver
from loaders.rejects import list_rejects, retry_rejects
from medallion.bronze.retention import expire_bronze
from medallion.database import connect, transaction
from medallion.errors import ConfigurationError
from medallion.settings import Settings
from medallion.state.loads import logged_load, succeed_load
from medallion.state.receipts import Receipt, add_receipt
from medallion.wording import counted
from quality.repair import repair_sales
from quality.why import bronze
from quality.why.answer import FigureTrace, RecordTrace
from quality.why.trace import why
from stack.cli.app import app
from tests.conftest import KEY, NOON, _administer
from tests.homes import emptied
from tests.integration.test_source_chaos import misbehaving
from tests.pipeline import hour
from tests.postgres_server import PostgresServer
from tests.queries import execute, rows

CHAOS = "late-commits:0.15,malformed:0.01,schema-drift:0.01"
GREATER, SMALLER, REPAIRED = 301, 302, (303, 304)
RETRIED, LATE, CHANGED, UNTAKEN = (11, 12), (13, 14), 15, 16
KEYS = {"sales": "sale_id", "customers": "customer_id", "products": "product_id", "stores": "store_id"}
DATASETS = {"sales": ("sales_customer", "sales_product")}
Place = tuple[str, int]


@dataclass
class Filled:
    """A warehouse that has seen changes, late sales, bad records, a full refresh, repairs. `lines`: all of Bronze."""

    conn: connection
    settings: Settings
    lines: dict[tuple[str, int], dict[Place, Any]] = field(default_factory=lambda: defaultdict(dict))
    unreadable: dict[tuple[str, int], dict[Place, Any]] = field(default_factory=lambda: defaultdict(dict))

    def record(self, entity: str, record_id: int) -> RecordTrace:
        found = why(self.conn, self.settings, entity, [str(record_id)], most=100).record
        assert found is not None
        return found

    def figure(self, mart: str, *key: str, most: int = 100) -> FigureTrace:
        found = why(self.conn, self.settings, mart, key, most=most).figure
        assert found is not None
        return found

    def read_bronze(self) -> None:
        """Every line of every file, by dataset and id."""
        root = Path(self.settings.bronze_location)
        for file in root.rglob("*.ndjson"):
            path = str(file.relative_to(root))
            dataset = path.partition("/")[0]
            key = KEYS.get(dataset, "sale_id")
            for line_no, line in enumerate(file.read_bytes().splitlines(), 1):
                content, is_json = read_json(line)
                if isinstance(content, dict) and type(content.get(key)) is int:
                    lines = self.lines if is_json else self.unreadable
                    lines[dataset, content[key]][path, line_no] = content


def read_json(line: bytes) -> tuple[Any, bool]:
    """What the line says, and whether it is JSON: Python also reads NaN."""
    constants: list[str] = []
    content = json.loads(line, parse_constant=constants.append)
    return content, not constants


@pytest.fixture(scope="module")
def filled(postgres_server: PostgresServer, template: str, homes: Path) -> Iterator[Filled]:
    name = "retail_of_a_test"
    _administer(postgres_server, "drop database if exists {} with (force)", name)
    _administer(postgres_server, "create database {} template {}", name, template)
    url = postgres_server.url(name)
    with ExitStack() as stack:
        conn = stack.enter_context(connect(url))
        source = stack.enter_context(misbehaving(CHAOS, seed=3))
        sound = stack.enter_context(misbehaving(None, now=NOON + timedelta(hours=30)))
        settings = Settings(
            database_url=url,
            source_api_url=source.url,
            source_api_key=KEY,
            retail_home=emptied(homes / "of_the_owner"),
            source_page_size=50,
            bronze_part_bytes=1,
            sales_gap_ttl_hours=1e6,
            reject_limit_share=1.0,
        )
        there = settings.model_copy(update={"source_api_url": sound.url})
        for hours in (0, 1, 2, 30):
            source.set_clock(NOON + timedelta(hours=hours))
            hour(conn, settings)
        disturb(conn, there)
        source.set_clock(NOON + timedelta(hours=31))
        collect_sales(conn, settings, run_id="last")  # no load takes it, nor the next file
        land_versions(conn, settings, "customers", {UNTAKEN: {"city": "Oslo"}})
        prepare(conn, settings, run_id="hour", full_refresh=True)
        build_core(conn, settings, run_id="hour", full_refresh=True)
        build_mart(conn, settings, run_id="hour", full_refresh=True)
        made = Filled(conn, settings)
        made.read_bronze()
        yield made
    _administer(postgres_server, "drop database {} with (force)", name)


def disturb(conn: connection, settings: Settings) -> None:
    """All that may happen to a record after it has landed. `settings`: of a source that behaves."""
    land_versions(
        conn, settings, "sales_customer", {GREATER: {"payment_method": "~"}, SMALLER: {"payment_method": " "}}
    )
    repair_sales(conn, settings, REPAIRED, run_id="repair")
    ((soon,),) = rows(conn, "select to_json(clock_timestamp() + interval '2 seconds')")
    newer, older = {"updated_at": soon, "city": "Lyon"}, {"updated_at": "2026-11-01T00:00:00Z", "city": "Nice"}
    land_versions(conn, settings, "customers", dict.fromkeys(RETRIED, newer) | dict.fromkeys(LATE, older))
    load_all_silver(conn, settings.model_copy(update={"source_clock_tolerance_minutes": 0}), run_id="more")
    rows(conn, "select pg_sleep(2.1)")  # until the warehouse's clock has passed the date of what was refused
    dated = [one for one in list_rejects(conn, dataset="customers") if "dated more than" in one.reason]
    assert len(retry_rejects(conn, dated, run_id="retry").resolved) == len(RETRIED)
    changed = {CHANGED: {"updated_at": "2026-11-07T00:00:00Z", "city": "Bonn"}}
    land_versions(conn, settings, "customers", changed, copies=2)
    for collect in (collect_customers, collect_products, collect_sales):
        collect(conn, settings, run_id="again", full_refresh=True)
    collect_listing(conn, settings, subject="stores", run_id="again", full_refresh=True)
    load_all_silver(conn, settings, run_id="again")


def land_versions(
    conn: connection, settings: Settings, table: str, versions: Mapping[int, Mapping[str, Any]], copies: int = 1
) -> None:
    """Land other versions of rows of Silver in one file, as a source that breaks its contract would send them."""
    entity = {"sales_customer": "sales"}.get(table, table)
    lines = b""
    for record_id, changes in versions.items():
        query = f"select to_json(one) from silver.{table} as one where {KEYS[entity]} = {record_id}"
        held = {name: value for name, value in rows(conn, query)[0][0].items() if not name.startswith("_")}
        lines += json.dumps(held | dict(changes)).encode() + b"\n"
    ((cursor,),) = rows(conn, f"select cursor_value from meta.ingestion_state where entity = '{entity}'")
    lines *= copies
    with logged_load(conn, run_id="land", layer="bronze", dataset=entity) as load_id, transaction(conn):
        path = f"{table}/2026-11-06/{load_id}-0.ndjson"
        file = Path(settings.bronze_location) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(lines)
        digest = hashlib.sha256(lines).hexdigest()
        add_receipt(conn, Receipt(path, table, load_id, 0, lines.count(b"\n"), len(lines), digest, cursor, cursor))
        succeed_load(conn, load_id)


def sampled(filled: Filled) -> list[tuple[str, int]]:
    """A hundred records by a fixed seed: any, and of each kind that something has happened to."""
    draw = random.Random(11)  # noqa: S311 - a sample
    late = "select distinct sale_id from silver.sales_customer where _load_id in (select silver_load_id from "
    late += "meta.bronze_file where cursor_after = cursor_through) order by 1"
    bad = (
        "select distinct dataset, record_key[1] from meta.rejected_record where record_key[1] is not null order by 1, 2"
    )
    entity_of = {"sales_customer": "sales", "sales_product": "sales"}
    spoilt = [(entity_of.get(dataset, dataset), number) for dataset, number in rows(filled.conn, bad)]
    picked = [("sales", one) for one in (GREATER, SMALLER, *REPAIRED)]
    picked += [("sales", one) for (one,) in draw.sample(rows(filled.conn, late), 20)]
    picked += draw.sample(spoilt, 15)
    picked += [("customers", one) for one in (*RETRIED, *LATE, CHANGED, UNTAKEN)]
    picked += [("products", one) for one in draw.sample(range(1, 61), 10)] + [("stores", 1), ("stores", 2)]
    ids = [one for (one,) in rows(filled.conn, "select sale_id from silver.sales_customer order by 1")]
    waiting = sorted(one for dataset, one in filled.lines if dataset == "sales_customer" and one > ids[-1])
    picked = [*dict.fromkeys(picked + [("sales", one) for one in waiting[:5]])]
    others = [("sales", one) for one in draw.sample(ids, 100) if ("sales", one) not in picked]
    return (picked + others)[:100]


def assert_is_as_in_bronze(filled: Filled, entity: str, found: RecordTrace) -> Counter[str]:
    """Every line with the id is in the answer and no other, with its content, and one line wins each row of Silver."""
    in_bronze: dict[Place, Any] = {}
    for dataset in DATASETS.get(entity, (entity,)):
        in_bronze |= filled.lines[dataset, found.id]
    assert {(one.path, one.line_no) for one in found.lines} == in_bronze.keys(), found.id
    assert all(json.loads(one.raw) == in_bronze[one.path, one.line_no] for one in found.lines)
    won = {(one.dataset, one.key): json.loads(one.raw) for one in found.lines if one.fate == "WON"}
    assert len(won) == len(found.silver) == sum(one.fate == "WON" for one in found.lines)
    for row in found.silver:
        assert any(is_row(content, row.values) for (dataset, _), content in won.items() if row.table.endswith(dataset))
    for one in found.lines:
        if one.fate in ("IDENTICAL", "SUPERSEDED"):
            assert (json.loads(one.raw) == won[one.dataset, one.key]) == (one.fate == "IDENTICAL")
            assert any(one.detail.endswith(f": {other.path} line {other.line_no}") for other in found.lines)
    quarantined = {(one.path, one.line_no) for one in found.lines if one.fate == "QUARANTINED"}
    aside = rows(filled.conn, "select path, line_no from meta.rejected_record where accepted_at is null")
    assert quarantined == in_bronze.keys() & set(aside)
    assert {one.path for one in found.files} == {one.path for one in found.lines}
    return Counter(one.fate for one in found.lines)


def is_row(content: dict[str, Any], values: dict[str, str | None]) -> bool:
    """Whether a record of the source is what a row of Silver shows of it. Moments have another form there."""
    texts = {name: str(value) for name, value in content.items() if name in values}
    moments = {name for name in texts if name.endswith("_at")}
    return all(
        text.lower() == str(values[name]).lower() for name, text in texts.items() if name not in moments
    ) and all(texts[name][:19] == str(values[name])[:19] for name in moments)


def test_a_hundred_answers_are_what_bronze_holds(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    read = bronze.read_blocks

    def noted(location: str, receipt: Receipt, block_bytes: int) -> Iterator[bytes]:
        opened.append(receipt.path)
        return read(location, receipt, block_bytes)

    monkeypatch.setattr(bronze, "read_blocks", noted)
    fates: Counter[str] = Counter()
    records = sampled(filled)
    assert len(records) == 100
    for entity, record_id in records:
        fates += assert_is_as_in_bronze(filled, entity, filled.record(entity, record_id))
    assert {*fates} == {"WON", "IDENTICAL", "SUPERSEDED", "REPLACED", "QUARANTINED", "WAITING"}
    ((files,),) = rows(filled.conn, "select count(*) from meta.bronze_file")
    assert files > 200
    assert len(opened) < 10 * len(records)


FACT = """
    select item.sale_id, item.line_no, item.sold_date::text,
        to_char(item.sold_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24'), item.customer_id, item.product_id,
        item.store_id, item.channel, product.category, item.currency, item.net_amount
    from gold.sales_item as item inner join gold.dim_product_history as product using (product_version_key)
"""


@pytest.mark.parametrize(
    ("mart", "columns"),
    [
        ("mart_daily_kpis", (2, 9)),
        ("mart_sales_by_category", (6, 2, 7, 8, 9)),
        ("mart_sales_by_customer", (4, 2, 9)),
        ("mart_sales_by_hour", (6, 3, 7, 9)),
        ("mart_sales_by_product", (5, 2, 9)),
        ("mart_sales_by_store", (6, 2, 9)),
    ],
)
def test_a_row_of_a_mart_is_made_of_the_sales_of_its_key(filled: Filled, mart: str, columns: tuple[int, ...]) -> None:
    fact = rows(filled.conn, FACT)
    keys = sorted({tuple(str(line[column]) for column in columns) for line in fact})
    for key in random.Random(5).sample(keys, 5):  # noqa: S311 - a sample
        lines = [line for line in fact if tuple(str(line[column]) for column in columns) == key]
        found = filled.figure(mart, *key, most=10_000)
        assert len(found.rows) == 1
        assert Counter({one.sale_id: one.line_count for one in found.sales}) == Counter(line[0] for line in lines)
        assert sum(one.net_amount for one in found.sales) == sum(line[-1] for line in lines)
        assert found.notes == (f"it equals its sales: {counted(len(lines), 'line')} of {net_of(lines):,.2f} {key[-1]}",)
        assert filled.figure(mart, *key[:-1]).rows  # the currency may be left out


def net_of(lines: Sequence[tuple[Any, ...]]) -> Decimal:
    return sum((line[-1] for line in lines), Decimal(0))


def test_a_figure_that_is_not_the_sum_of_its_sales_says_so(filled: Filled) -> None:
    ((day,),) = rows(filled.conn, "select min(sold_date)::text from gold.sales_item")
    set_to = "update gold.mart_daily_kpis set gross_amount = gross_amount {0} 1, net_amount = net_amount {0} 1"
    change = f"{set_to} where sold_date = '{{1}}'"
    execute(filled.conn, change.format("+", day))
    try:
        assert all(note.startswith("it has ") for note in filled.figure("mart_daily_kpis", day).notes)
    finally:
        execute(filled.conn, change.format("-", day))


def test_a_history_that_is_behind_its_versions_says_so(filled: Filled) -> None:
    of_customer = f"silver.customers_version set _load_id = _load_id {{}} 1000000 where customer_id = {CHANGED}"
    execute(filled.conn, f"update {of_customer.format('+')}")
    try:
        notes = filled.record("customer", CHANGED).notes
        newest = rows(filled.conn, "select max(_load_id) from silver.customers_version")[0][0]
    finally:
        execute(filled.conn, f"update {of_customer.format('-')}")
    behind = f"gold.dim_customer_history has not taken load {newest} of silver.customers_version yet"
    assert [note for note in notes if note.startswith(behind)]


def test_a_key_that_does_not_fit_is_refused_with_the_one_that_does(filled: Filled) -> None:
    for mart, key in (("mart_sales_by_customer", ["12"]), ("mart_sales_by_store", ["1", "yesterday"]), ("sale", ["x"])):
        with pytest.raises(ConfigurationError) as raised:
            why(filled.conn, filled.settings, mart, key, most=1)
        assert f"say ./retail why {mart} " in raised.value.remedy
    with pytest.raises(ConfigurationError, match="there is no 'sails' to explain"):
        why(filled.conn, filled.settings, "sails", ["1"], most=1)


def test_what_never_came_is_explained(filled: Filled) -> None:
    beyond = filled.record("sale", 10**9)
    assert not beyond.has_come
    assert "beyond the watermark" in beyond.notes[0]
    ((hole,),) = rows(filled.conn, "select max(from_id) from meta.gap where status = 'OPEN' and known = 0")
    assert "a pull passed over it" in filled.record("sale", hole).notes[0]
    assert "no pull has brought it" in filled.record("customer", 10**9).notes[0]


def test_a_line_without_a_readable_id_is_named_as_a_lead(filled: Filled) -> None:
    for (dataset, sale_id), places in filled.unreadable.items():
        if dataset == "sales_customer":
            notes = " ".join(filled.record("sale", sale_id).notes)
            assert notes.count("has no id that can be read") == len(places)
    assert any(dataset == "sales_customer" for dataset, _ in filled.unreadable)


def test_a_damaged_file_is_named_and_the_rest_is_answered(filled: Filled) -> None:
    winner = next(one for one in filled.record("sale", GREATER).lines if one.fate == "WON")
    file = Path(filled.settings.bronze_location) / winner.path
    content = file.read_bytes()
    file.write_bytes(content[:-2] + b"x\n")
    try:
        found = filled.record("sale", GREATER)
    finally:
        file.write_bytes(content)
    damaged = [one for one in found.files if one.state == "DAMAGED"]
    assert [one.path for one in damaged] == [winner.path]
    assert "sha256" in str(damaged[0].problem)
    assert winner.path not in {one.path for one in found.lines}
    assert found.gold


def test_a_line_whose_row_is_gone_from_silver_is_missing(filled: Filled) -> None:
    execute(filled.conn, f"create table kept as select * from silver.sales_customer where sale_id = {SMALLER}")
    execute(filled.conn, f"delete from silver.sales_customer where sale_id = {SMALLER}")
    try:
        headers = [one.fate for one in filled.record("sale", SMALLER).lines if one.dataset == "sales_customer"]
    finally:
        execute(filled.conn, "insert into silver.sales_customer select * from kept; drop table kept")
    assert headers
    assert {*headers} == {"MISSING"}


def test_a_row_that_was_changed_by_hand_is_no_line_of_bronze(filled: Filled) -> None:
    of_line = f"silver.sales_product set quantity = quantity {{}} 1 where sale_id = {GREATER} and line_no = 1"
    sound = filled.record("sale", GREATER).notes
    execute(filled.conn, f"update {of_line.format('+')}")
    try:
        changed = filled.record("sale", GREATER).notes
    finally:
        execute(filled.conn, f"update {of_line.format('-')}")
    (note,) = {*changed} - {*sound}
    assert note.startswith(f"silver.sales_product {GREATER}-1: no line of Bronze holds it as it stands")
    assert not [one for one in sound if "as it stands" in one]


def test_the_command_prints_both_forms_and_its_exit_code_says_whether_it_came(
    filled: Filled, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("database_url", "source_api_key"):
        monkeypatch.setenv(name.upper(), getattr(filled.settings, name).get_secret_value())
    monkeypatch.setenv("RETAIL_HOME", str(filled.settings.retail_home))
    assert not app(["why", "sale", str(GREATER)], standalone_mode=False)
    said = capsys.readouterr().out
    assert [line.split()[0] for line in said.splitlines() if not line.startswith(" ")][:2] == ["gold", "gold"]
    assert "WON: " in said
    assert "SUPERSEDED: " in said
    assert not app(["why", "sales_item", f"{GREATER}-1", "--json"], standalone_mode=False)
    printed = json.loads(capsys.readouterr().out)
    assert printed["figure"] is None
    assert {one["fate"] for one in printed["record"]["lines"]} >= {"WON", "SUPERSEDED"}
    email = rows(filled.conn, f"select email from silver.customers where customer_id = {CHANGED}")[0][0]
    assert not app(["why", "customer", str(CHANGED), "--json"], standalone_mode=False)
    record = json.loads(capsys.readouterr().out)["record"]
    assert email not in json.dumps(record | {"lines": []})
    assert email in record["lines"][0]["raw"]
    assert app(["why", "sale", "1000000000"], standalone_mode=False) == 1
    assert app(["why", "mart_daily_kpis", "1999-01-01"], standalone_mode=False) == 1


def test_a_file_that_retention_removed_is_named_by_its_receipt(filled: Filled) -> None:
    expire_bronze(filled.conn, filled.settings.model_copy(update={"bronze_retention_days": 1e-9}), run_id="night")
    found = filled.record("sale", GREATER)
    assert not found.lines
    assert found.silver
    assert {one.state for one in found.files} == {"REMOVED"}
    assert any(one.silver_load_id == found.silver[0].load_id for one in found.files)
