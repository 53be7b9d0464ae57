"""`python -m backend.workbooks` writes whole files, overwrites none unasked, and says in a line what is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from backend.workbooks.__main__ import main
from backend.workbooks.files import Report, reports
from backend.workbooks.folder import write_reports
from backend.workbooks.settings import WorkbookSettings

DAYS = [date(2026, 1, 5), date(2026, 1, 6)]
SPAN = ["--from", "2026-01-05", "--to", "2026-01-06", "--start", "2026-01-05", "--members", "50"]


def files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def expected(seed: int = 42) -> dict[str, bytes]:
    settings = WorkbookSettings(seed=seed, members=50, start=DAYS[0])
    return {f"{one.domain}/{one.name}": one.content for one in reports(settings, DAYS)}


def test_the_folder_has_a_file_per_domain_and_day(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(tmp_path), *SPAN])
    assert files(tmp_path) == expected()
    assert capsys.readouterr().out == f"8 files written to {tmp_path}\n"


def test_the_files_can_be_read_by_others(tmp_path: Path) -> None:
    main([str(tmp_path), *SPAN])
    assert {file.stat().st_mode & 0o777 for file in tmp_path.rglob("*.xlsx")} == {0o644}


def test_only_the_domains_that_are_asked_for(tmp_path: Path) -> None:
    main([str(tmp_path), *SPAN, "--domain", "top_up", "--domain", "op_stats"])
    assert {file.name for file in tmp_path.iterdir()} == {"top_up", "op_stats"}


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    there = tmp_path / "op_stats" / "op_stats_2026-01-06.xlsx"
    there.parent.mkdir()
    there.write_bytes(b"mine")
    with pytest.raises(SystemExit, match=r"op_stats_2026-01-06.xlsx is there already, 1 in all.*--replace overwrites"):
        main([str(tmp_path), *SPAN])
    assert files(tmp_path) == {"op_stats/op_stats_2026-01-06.xlsx": b"mine"}


def test_replace_overwrites(tmp_path: Path) -> None:
    main([str(tmp_path), *SPAN])
    main([str(tmp_path), *SPAN, "--seed", "43", "--replace"])
    assert files(tmp_path) == expected(seed=43) != expected()


def test_the_ledger_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(tmp_path), *SPAN[:3], "2026-01-31", *SPAN[4:], "--faults", "missing_file:3"])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()[1:]]
    assert [line["fault"] for line in lines] == ["missing_file"] * 3
    assert not any((tmp_path / line["domain"] / line["detail"].split()[0]).exists() for line in lines)
    assert len(files(tmp_path)) == 27 * 4 - 3


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["--faults", "late"], "workbooks: 'late' is not a fault of workbooks"),
        (["--to", "2026-01-04"], "workbooks: 2026-01-04 is before 2026-01-05"),
        (["--from", "2026-01-01"], "workbooks: 2026-01-01 is before the first business date"),
        (["--members", "0"], "workbooks: members: 0"),
    ],
)
def test_a_wrong_value_ends_the_command_with_a_line(tmp_path: Path, changes: list[str], said: str) -> None:
    with pytest.raises(SystemExit, match=f"^{said}"):
        main([str(tmp_path), *SPAN, *changes])
    assert files(tmp_path) == {}


def test_nothing_is_written_when_a_later_file_fails(tmp_path: Path) -> None:
    def failing() -> Iterator[Report]:
        yield Report("top_up", DAYS[0], "a.xlsx", b"a", DAYS[0])
        raise ValueError("the second")

    with pytest.raises(ValueError, match="the second"):
        write_reports(tmp_path, failing())
    assert files(tmp_path) == {}


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    """The rename fails, as a folder has the name: the temporary file is gone, too."""
    (tmp_path / "top_up" / "a.xlsx").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        write_reports(tmp_path, [Report("top_up", DAYS[0], "a.xlsx", b"a", DAYS[0])], replace=True)
    assert files(tmp_path) == {}
