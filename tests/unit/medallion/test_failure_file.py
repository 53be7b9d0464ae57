"""The error of a step in a file: whole, of that run alone, and never a reason to fail in another way."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from medallion.error_record import record_of
from medallion.errors import RetailError, SourceRefused
from medallion.process.failure_file import forget_failure, read_failure, task_file, write_failure

ERROR = SourceRefused("sales: status 401 — twice", remedy="set SOURCE_API_KEY")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return task_file(tmp_path, "retail_etl_hourly", "bronze_sales")


def test_an_error_is_read_as_it_was_written_and_by_its_owner_alone(file: Path) -> None:
    write_failure(file, ERROR, "r")
    assert read_failure(file, "r") == record_of(ERROR)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_the_last_failure_of_a_task_replaces_the_one_before_and_counts_for_its_run_alone(file: Path) -> None:
    write_failure(file, ERROR, "before")
    write_failure(file, ZeroDivisionError("by 0"), "r")
    found = read_failure(file, "r")
    assert found is not None
    assert (found.error_message, found.remedy, found.exit_code) == ("ZeroDivisionError: by 0", None, 1)
    assert read_failure(file, "before") is None


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"run_id": "r"}', '{"run_id": "r", "word": 1}', "\x00"])
def test_a_file_that_is_no_record_is_none(file: Path, content: str) -> None:
    file.parent.mkdir()
    file.write_text(content)
    assert read_failure(file, "r") is None


def test_no_secret_is_kept_and_no_more_than_is_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://retail:canary%23one@host/db")
    monkeypatch.setenv("SOURCE_API_KEY", "canary-key")
    words = "canary#one canary%23one canary-key at postgresql://u:canary-two@h/d password=canary-three "
    for error in (OSError(words * 500), RetailError(words * 500, remedy=words * 500)):
        write_failure(file, error, "r")
        kept = file.read_text()
        assert "canary" not in kept
        assert "***" in kept
        assert len(kept) < 9_000


def test_the_address_that_cannot_be_read_is_no_reason_to_keep_nothing(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://retail:canary@host/db")
    write_failure(file, OSError("cannot reach mysql://retail:canary@host/db"), "r")
    found = read_failure(file, "r")
    assert found is not None
    assert found.error_message == "OSError: cannot reach mysql://retail:***@host/db"


def test_what_an_earlier_try_has_left_is_gone(file: Path) -> None:
    write_failure(file, ERROR, "r")
    forget_failure(file)
    assert read_failure(file, "r") is None
    forget_failure(file)
    assert not file.exists()


def test_a_folder_that_takes_no_file_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "failures").write_text("in the way")
    write_failure(task_file(tmp_path, "d", "t"), ERROR, "r")
    forget_failure(task_file(tmp_path, "d", "t"))
    assert read_failure(task_file(tmp_path, "d", "t"), "r") is None
