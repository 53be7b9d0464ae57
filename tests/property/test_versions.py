"""Silver as a fold: whatever the files, their order and their repeats, the newest version of each key stands."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from psycopg2.extensions import connection

from loaders.load_customers import CUSTOMERS
from loaders.silver import load
from medallion.settings import Settings
from tests.property.strategies import storable_text
from tests.property.warehouse import empty, land
from tests.queries import rows

Version = dict[str, Any]
COLUMNS = [name for name in CUSTOMERS.columns if not name.endswith("_at")]
SILVER = f"select {', '.join(COLUMNS)} from silver.customers order by customer_id"

versions = st.fixed_dictionaries({
    "customer_id": st.integers(1, 4),
    "city": st.one_of(st.sampled_from(["Lyon", "lyon", "Łódź", ""]), storable_text),
    "is_deleted": st.booleans(),
    "updated_at": st.integers(1, 4).map("2026-11-{:02}T00:00:00Z".format),
})  # fmt: skip
histories = st.lists(versions, min_size=1, max_size=12)


def customer(version: Version) -> Version:
    names = ("first_name", "last_name", "email", "phone", "region", "segment")
    return dict.fromkeys(names, "x") | {"country": "FR", "signed_up_at": "2026-01-01T00:00:00Z"} | version


def newest(history: list[Version]) -> list[tuple[Any, ...]]:
    """By `updated_at`; between equal ones by content, which here is the city, then whether it is deleted."""
    kept: dict[int, Version] = {}
    for version in sorted(history, key=lambda one: (one["updated_at"], one["city"], one["is_deleted"])):
        kept[version["customer_id"]] = customer(version)
    return [tuple(kept[number][name] for name in COLUMNS) for number in sorted(kept)]


def fold(conn: connection, settings: Settings, files: list[list[Version]]) -> list[tuple[Any, ...]]:
    """What Silver holds after these files, loaded one by one into empty tables."""
    empty(conn)
    for file in files:
        land(conn, settings, "customers", [json.dumps(customer(version)).encode() for version in file])
        load(CUSTOMERS, conn, settings, run_id="load")
    return rows(conn, SILVER)


@st.composite
def told_otherwise(draw: st.DrawFn) -> tuple[list[Version], list[list[Version]]]:
    """A history, and the same one shuffled, with repeats, cut into files."""
    history = draw(histories)
    repeats = draw(st.lists(st.sampled_from(history), max_size=6))
    told = draw(st.permutations(history + repeats))
    cuts = sorted(draw(st.lists(st.integers(0, len(told)), max_size=3)))
    files = [told[start:end] for start, end in zip([0, *cuts], [*cuts, len(told)], strict=True)]
    return history, [file for file in files if file]


@given(told=told_otherwise(), block_bytes=st.sampled_from([1, 500, 12_000_000]))
def test_order_repeats_files_and_blocks_change_nothing(
    conn: connection, settings: Settings, told: tuple[list[Version], list[list[Version]]], block_bytes: int
) -> None:
    history, files = told
    small = settings.model_copy(update={"load_chunk_bytes": block_bytes})
    assert fold(conn, small, files) == newest(history)


@given(told=told_otherwise())
def test_every_record_is_accounted_for_once(
    conn: connection, settings: Settings, told: tuple[list[Version], list[list[Version]]]
) -> None:
    _, files = told
    fold(conn, settings, files)
    fates = "rows_inserted + rows_updated + rows_unchanged + rows_superseded + rows_rejected"
    loads = "meta.load where layer = 'silver' and dataset = 'customers'"
    found = rows(conn, f"select rows_read, {fates} from {loads} order by load_id")
    assert found == [(len(file), len(file)) for file in files]
    inserted = rows(conn, f"select sum(rows_inserted) from {loads}")
    assert inserted == rows(conn, "select count(*) from silver.customers")


@given(told=told_otherwise())
def test_every_version_is_kept_once_however_the_files_come(
    conn: connection, settings: Settings, told: tuple[list[Version], list[list[Version]]]
) -> None:
    history, files = told
    fold(conn, settings, files)
    kept = rows(conn, f"select {', '.join(COLUMNS)}, updated_at::text from silver.customers_version")
    versions = [customer(version) for version in history]
    sent = {(*(one[name] for name in COLUMNS), one["updated_at"][:10] + " 00:00:00+00") for one in versions}
    assert sorted(kept) == sorted(sent)
    appended = "select coalesce(sum(rows_inserted), 0) from meta.load where dataset = 'customers_version'"
    assert rows(conn, appended) == [(len(sent),)]
