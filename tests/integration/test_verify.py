"""Every receipt against its file: whatever happened to a file is found, and named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from psycopg2.extensions import connection

from ingestion.sales import collect_sales
from loaders.load_all_silver import load_all_silver
from medallion.bronze.reader import read_blocks
from medallion.bronze.verify import require_intact, retire_damaged, verify_bronze
from medallion.errors import BronzeDamaged
from medallion.settings import Settings
from medallion.state.receipts import unloaded_files


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def lengthen(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"{}\n")


DAMAGE: dict[str, Callable[[Path], None]] = {
    "another sha256": flip,
    "bytes, its receipt says": cut,
    "bytes, its receipt says ": lengthen,
    "cannot be read": Path.unlink,
}


@pytest.fixture
def files(conn: connection, settings: Settings) -> list[Path]:
    collect_sales(conn, settings, run_id="r")
    return sorted(Path(settings.bronze_location).rglob("*.ndjson"))


def test_files_as_they_landed_are_intact(conn: connection, settings: Settings, files: list[Path]) -> None:
    verified = require_intact(verify_bronze(conn, settings))
    assert (verified.files, verified.bytes) == (len(files), sum(file.stat().st_size for file in files))


@pytest.mark.parametrize("words", DAMAGE)
def test_a_damaged_file_is_named_and_the_others_are_still_looked_at(
    conn: connection, settings: Settings, files: list[Path], words: str
) -> None:
    for file in files:
        DAMAGE[words](file)
    verified = verify_bronze(conn, settings)
    assert len(verified.damaged) == len(files) == 2
    with pytest.raises(BronzeDamaged, match=words.strip()) as raised:
        require_intact(verified)
    assert all(str(file.relative_to(settings.bronze_location)) in raised.value.message for file in files)


def test_a_file_without_a_receipt_is_counted_and_no_error(
    conn: connection, settings: Settings, files: list[Path]
) -> None:
    (files[0].parent / "foreign.ndjson").write_bytes(b"{}\n")
    verified = require_intact(verify_bronze(conn, settings))
    assert [Path(path).name for path in verified.without_receipt] == ["foreign.ndjson"]


def test_a_damaged_file_that_was_pulled_again_is_given_up_and_blocks_nobody(
    conn: connection, settings: Settings, files: list[Path]
) -> None:
    for file in files:
        cut(file)
    assert retire_damaged(conn, verify_bronze(conn, settings)) == []
    with pytest.raises(BronzeDamaged):
        load_all_silver(conn, settings, run_id="r2")
    collect_sales(conn, settings, run_id="r2", full_refresh=True)
    assert len(retire_damaged(conn, verify_bronze(conn, settings))) == len(files)
    require_intact(verify_bronze(conn, settings))
    loaded = load_all_silver(conn, settings, run_id="r3")
    assert sum(one.counts.inserted for one in loaded) > 0


def test_no_more_records_are_read_than_were_receipted(conn: connection, settings: Settings, files: list[Path]) -> None:
    with conn:
        (receipt,) = unloaded_files(conn, "sales_product")
    file = Path(settings.bronze_location, receipt.path)
    file.write_bytes(b"\n" * receipt.bytes)
    with pytest.raises(BronzeDamaged, match=receipt.path):
        next(read_blocks(settings.bronze_location, receipt, 10 * receipt.records))


@pytest.mark.parametrize("sound_bytes", [0, 20_000], ids=["from its beginning", "from its middle"])
def test_a_file_of_zeros_is_damage_before_it_fills_memory(
    conn: connection, settings: Settings, files: list[Path], sound_bytes: int
) -> None:
    """As a file system may leave it after a crash."""
    with conn:
        (receipt,) = unloaded_files(conn, "sales_product")
    file = Path(settings.bronze_location, receipt.path)
    sound = file.read_bytes()[:sound_bytes]
    file.write_bytes(sound + b"\0" * (receipt.bytes - len(sound)))
    read = []
    with pytest.raises(BronzeDamaged, match="has another sha256 than its receipt"):
        read.extend(read_blocks(settings.bronze_location, receipt, 1_000))
    assert sum(map(len, read)) <= sound_bytes


@pytest.mark.slow
def test_a_record_longer_than_a_block_is_read_whole(conn: connection, settings: Settings, files: list[Path]) -> None:
    with conn:
        (receipt,) = unloaded_files(conn, "sales_product")
    blocks = list(read_blocks(settings.bronze_location, receipt, 10))
    assert b"".join(blocks) == Path(settings.bronze_location, receipt.path).read_bytes()
    assert len(blocks) == receipt.records


def test_blocks_grow_to_their_size_and_no_further(conn: connection, settings: Settings, files: list[Path]) -> None:
    with conn:
        (receipt,) = unloaded_files(conn, "sales_product")
    sizes = [len(block) for block in read_blocks(settings.bronze_location, receipt, 4_000)]
    assert sizes[0] < 1_000 < max(sizes) < 4_200


def test_a_file_that_changes_while_it_is_read_is_damage_behind_its_last_block(
    conn: connection, settings: Settings, files: list[Path]
) -> None:
    with conn:
        (receipt,) = unloaded_files(conn, "sales_product")
    blocks = read_blocks(settings.bronze_location, receipt, 10_000)
    read = [next(blocks), next(blocks)]
    file = Path(settings.bronze_location, receipt.path)
    changed = file.read_bytes().replace(b'"quantity":1', b'"quantity":2')
    file.write_bytes(changed)
    with pytest.raises(BronzeDamaged, match="has another sha256 than its receipt"):
        read += blocks
    assert len(read) > 2
