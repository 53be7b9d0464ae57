"""The process that reads has limits, its end is an error of the file, and it never outlives who asked for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from ingestion.spreadsheets.endings import how_it_ended
from ingestion.spreadsheets.workbook import Limits, open_workbook
from medallion.errors import WorkbookRefused
from medallion.settings import PROJECT_ROOT
from tests.process_table import eventually, kill_all, living
from tests.workbooks import MAIN, hand_made, packed, parts_of, read, sheet_xml

_ONE = '<row r="1"><c r="A1" t="s"><v>0</v></c></row>'


def _many(path: Path) -> Path:
    """Far more rows than a pipe holds: a process that is left in the middle of them waits to send the rest."""
    return hand_made(path, "".join(f'<row r="{n}"><c r="A{n}"><v>{n}</v></c></row>' for n in range(1, 50_000)))


@pytest.mark.parametrize(
    ("rows", "finding"),
    [
        ('<row r="1"><c r="A1"><v>1</v></c><c r="XFD1"><v>1</v></c></row>', "a value in XFD1: more than 500 columns"),
        (
            '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="SA1048576"><v>1</v></c></row>',
            "2 values spread over 1,048,576 rows and 495 columns, as far as SA1048576",
        ),
        ('<row r="1048577"><c r="A1048577"><v>1</v></c></row>', "a value in row 1,048,577"),
        ('<row r="1"><c r="A1"><v>1</v></c><c r="XFD1048576"><v>1</v></c></row>', "XFD1048576"),
    ],
)
def test_a_value_far_away_is_refused_by_its_name(tmp_path: Path, rows: str, finding: str) -> None:
    with pytest.raises(WorkbookRefused) as caught:
        read(hand_made(tmp_path / "a.xlsx", rows))
    assert finding in caught.value.finding


def test_the_far_end_of_a_sheet_is_read_if_nothing_else_is_there(tmp_path: Path) -> None:
    rows = read(hand_made(tmp_path / "a.xlsx", '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'))
    assert [(row.number, row.cells[0].column) for row in rows] == [(1_048_576, "XFD")]


@pytest.mark.parametrize(
    ("limits", "finding"),
    [
        (Limits(most_sheets=1), "it has more than 1 sheets"),
        (Limits(most_cells=1), "sheet S2 has more than 1 cells"),
        (Limits(most_rows=1), "sheet S2 has a value in row 2"),
        (Limits(most_columns=1), "sheet S2 has a value in B1: more than 1 columns"),
        (Limits(seconds=0), "reading it takes longer than 0 s"),
    ],
)
def test_what_exceeds_a_limit_is_refused_and_the_limit_is_named(tmp_path: Path, limits: Limits, finding: str) -> None:
    two = '<row r="1"><c r="B1"><v>1</v></c></row><row r="2"><c r="A2"><v>1</v></c></row>'
    file = packed(tmp_path / "a.xlsx", parts_of(sheet_xml('<row r="1"><c r="A1"><v>1</v></c></row>'), sheet_xml(two)))
    with pytest.raises(WorkbookRefused) as caught:
        read(file, limits=limits)
    assert caught.value.finding.startswith(finding)
    assert not living(str(file))


def test_a_file_that_takes_too_much_memory_is_refused(tmp_path: Path) -> None:
    """Its strings are few bytes in the zip, and hundreds of megabytes in the library."""
    strings = f'<sst xmlns="{MAIN}">{"<si><t>a text of some length, so 40 bytes</t></si>" * 1_200_000}</sst>'
    file = packed(tmp_path / "a.xlsx", parts_of(sheet_xml(_ONE), strings=strings))
    with pytest.raises(WorkbookRefused) as caught:
        read(file, limits=Limits(memory=90_000_000, most_ratio=10_000))
    assert caught.value.finding == "reading it takes more than 90 MB of memory"
    assert not living(str(file))


@pytest.mark.parametrize(
    ("code", "words", "finding"),
    [
        (-signal.SIGXCPU, b"", "reading it takes longer than 7 s"),
        (-signal.SIGKILL, b"", "reading it takes more than 9 MB of memory"),
        (-signal.SIGABRT, b"memory allocation of 80 bytes failed", "reading it takes more than 9 MB of memory"),
        (1, b"Traceback\nMemoryError\n", "reading it takes more than 9 MB of memory"),
        (-signal.SIGSEGV, b"", "its reader ended by SIGSEGV"),
        (1, b"Traceback\nOSError: no\n", "its reader ended with exit code 1 (OSError: no)"),
    ],
)
def test_the_end_of_the_process_is_explained(code: int, words: bytes, finding: str) -> None:
    assert how_it_ended(code, words, Limits(memory=9_000_000, seconds=7))[0] == finding


def test_a_crash_of_the_reader_is_an_error_of_the_file(tmp_path: Path) -> None:
    with open_workbook(_many(tmp_path / "a.xlsx")) as book:
        [process] = living(str(tmp_path))
        process.send_signal(signal.SIGSEGV)
        with pytest.raises(WorkbookRefused, match=r"a\.xlsx is refused: its reader ended by SIGSEGV"):
            list(book.rows("S1"))


def test_a_workbook_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    file = _many(tmp_path / "a.xlsx")
    with open_workbook(file) as book:
        first = book.rows("S1")
        next(first)
        hand_made(file, '<row r="1"><c r="A1"><v>1</v></c></row>')
        with pytest.raises(WorkbookRefused, match="49,999 cells at first, 1 now"):
            list(book.rows("S1"))  # by another process, as the first one is still busy


def test_sheets_are_read_in_any_order_again_and_at_the_same_time(tmp_path: Path) -> None:
    sheets = [sheet_xml(f'<row r="{n}"><c r="A{n}"><v>{n}</v></c></row>') for n in (1, 2)]
    with open_workbook(packed(tmp_path / "a.xlsx", parts_of(*sheets))) as book:
        for name in ("S2", "S1", "S2", "S2"):
            assert [row.number for row in book.rows(name)] == [int(name[1])]
        pairs = zip(book.rows("S1"), book.rows("S2"), strict=True)
        assert [(one.number, other.number) for one, other in pairs] == [(1, 2)]
        assert len(living(str(tmp_path))) == 1


def test_a_reading_that_is_given_up_leaves_no_process(tmp_path: Path) -> None:
    with open_workbook(_many(tmp_path / "a.xlsx")) as book:
        rows = book.rows("S1")
        assert [row.number for row in islice(rows, 3)] == [1, 2, 3]
        rows.close()  # type: ignore[attr-defined] # it is a generator
        assert not living(str(tmp_path))
        assert sum(1 for _ in book.rows("S1")) == 49_999
    assert not living(str(tmp_path))


def test_a_workbook_that_is_left_in_the_middle_leaves_no_process(tmp_path: Path) -> None:
    with open_workbook(_many(tmp_path / "a.xlsx")) as book:
        rows = book.rows("S1")
        next(rows)
    assert not living(str(tmp_path))
    with pytest.raises(ValueError, match="closed"):
        list(rows)
    with pytest.raises(ValueError, match="closed"):
        list(book.rows("S1"))
    assert not living(str(tmp_path))


def test_a_process_that_hangs_is_ended_too(tmp_path: Path) -> None:
    with open_workbook(_many(tmp_path / "a.xlsx")):
        [process] = living(str(tmp_path))
        process.suspend()
    assert not living(str(tmp_path))


def _fail_at_the_first_row(file: Path) -> None:
    with open_workbook(file) as book:
        for row in book.rows("S1"):
            row.number / 0


def test_an_exception_of_the_caller_leaves_no_process(tmp_path: Path) -> None:
    file = _many(tmp_path / "a.xlsx")
    with pytest.raises(ZeroDivisionError):
        _fail_at_the_first_row(file)
    assert not living(str(tmp_path))


_HOLDER = """
import sys, time
from pathlib import Path
from ingestion.spreadsheets.workbook import open_workbook
with open_workbook(Path(sys.argv[1])) as book:
    rows = book.rows("S1")
    next(rows)
    print("reading", flush=True)
    time.sleep(600)
"""


def test_a_parent_that_is_killed_takes_the_process_with_it(tmp_path: Path) -> None:
    file = _many(tmp_path / "a.xlsx")
    command = [sys.executable, "-c", _HOLDER, str(file)]
    try:
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=PROJECT_ROOT) as holder:
            assert holder.stdout
            assert holder.stdout.readline() == b"reading\n"
            assert len(living(str(file))) == 2
            holder.kill()
        assert eventually(lambda: not living(str(file)))
    finally:
        kill_all(str(file))


def test_the_process_gets_no_variable_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_API_KEY", "secret")
    with open_workbook(_many(tmp_path / "a.xlsx")):
        [process] = living(str(tmp_path))
        assert "SOURCE_API_KEY" not in process.environ()
        assert os.environ["SOURCE_API_KEY"] == "secret"


def test_the_process_may_not_dump_its_memory_or_take_more_than_its_limits(tmp_path: Path) -> None:
    import psutil

    with open_workbook(_many(tmp_path / "a.xlsx"), Limits(memory=900_000_000, seconds=77)):
        [process] = living(str(tmp_path))
        assert process.rlimit(psutil.RLIMIT_CORE) == (0, 0)
        assert process.rlimit(psutil.RLIMIT_AS) == (900_000_000, 900_000_000)
        assert process.rlimit(psutil.RLIMIT_CPU) == (77, 77)
