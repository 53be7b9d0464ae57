"""A Bronze file is whole under its name or not there, on a disk and in an object store."""

from __future__ import annotations

import hashlib
from datetime import datetime, timezone
from pathlib import Path

import fsspec
import pytest

from medallion.bronze import writer as bronze
from medallion.bronze.ndjson import Ndjson
from medallion.bronze.writer import BronzeStore, BronzeWriteFailed, bronze_path
from medallion.errors import ConfigurationError

PATH = "sales_product/2026-11-21/7-0.ndjson"


@pytest.fixture(params=["disk", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "bronze") if request.param == "disk" else f"memory://{tmp_path.name}"


def test_the_path_names_dataset_day_load_and_part() -> None:
    at = datetime(2026, 11, 21, 23, 59, tzinfo=timezone.utc)
    assert bronze_path("sales_product", at, 7, 0) == PATH


def test_a_committed_file_holds_each_record_on_a_line_and_is_described_exactly(url: str) -> None:
    file = BronzeStore(url).file(PATH)
    file.open()
    file.append(Ndjson.of([b'{"a":1}', b'{"a":2}']))
    file.append(Ndjson.of([]))
    file.append(Ndjson.of([b'{"a":3}']))
    written = file.commit()
    content = fsspec.filesystem(url.split(":", maxsplit=1)[0] if "://" in url else "file").cat_file(f"{url}/{PATH}")
    assert content == b'{"a":1}\n{"a":2}\n{"a":3}\n'
    assert (written.path, written.records, written.bytes) == (PATH, 3, len(content))
    assert written.sha256 == hashlib.sha256(content).hexdigest()


def test_nothing_is_under_the_name_before_the_commit(tmp_path: Path) -> None:
    file = BronzeStore(str(tmp_path)).file(PATH)
    file.open()
    file.append(Ndjson.of([b"{}"]))
    assert not (tmp_path / PATH).exists()
    file.commit()
    assert (tmp_path / PATH).exists()


def test_every_folder_up_to_the_root_is_made_durable_whoever_has_made_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process may have made them a moment ago, and die before it comes to that."""
    (tmp_path / PATH).parent.mkdir(parents=True)
    flushed: list[Path] = []
    monkeypatch.setattr(bronze, "_flush_folder", flushed.append)
    file = BronzeStore(str(tmp_path)).file(PATH)
    file.open()
    file.append(Ndjson.of([b"{}"]))
    file.commit()
    assert flushed == [(tmp_path / PATH).parent, (tmp_path / PATH).parents[1], tmp_path]


def test_a_discarded_file_leaves_nothing(tmp_path: Path) -> None:
    file = BronzeStore(str(tmp_path)).file(PATH)
    file.open()
    file.append(Ndjson.of([b"{}"]))
    file.discard()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_file_that_was_never_opened_can_be_discarded(url: str) -> None:
    BronzeStore(url).file(PATH).discard()
    assert not fsspec.url_to_fs(url)[0].exists(f"{url}/{PATH}")


def test_a_disk_that_does_not_take_the_file_is_a_clear_error() -> None:
    file = BronzeStore("/dev").file("null/x.ndjson")  # a folder in which no folder can be made
    with pytest.raises(BronzeWriteFailed, match=r"null/x.ndjson could not be written"):
        file.open()


def test_a_store_that_fsspec_does_not_know_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="BRONZE_URL"):
        BronzeStore("nowhere://bucket")
