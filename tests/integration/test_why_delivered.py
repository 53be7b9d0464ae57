"""`./retail why` on a row that came in files: the cells it came from, and which file counts."""

from __future__ import annotations

from pathlib import Path

import pytest
from psycopg2.extensions import connection
from rich.console import Console

from ingestion.deliveries.collector import collect_deliveries
from medallion.errors import ConfigurationError
from medallion.settings import Settings
from quality.why.answer import RecordTrace
from quality.why.trace import why
from stack.commands.why import print_why
from tests.deliveries import FIRST, HEADER, SECOND, as_csv, day, put, sheet, top_up
from tests.queries import execute


def traced(conn: connection, settings: Settings, *key: str, entity: str = "top_up") -> RecordTrace:
    found = why(conn, settings, entity, key, most=1).record
    assert found is not None
    return found


def fates(trace: RecordTrace) -> list[tuple[str, str]]:
    return [(line.fate, line.detail) for line in trace.lines]


def test_a_row_is_traced_to_its_cells_through_every_file_that_held_it(
    conn: connection, ours: Settings, inbox: Path
) -> None:
    put(inbox, FIRST, sheet(("A title",), HEADER, top_up("7"), top_up("8", 20)))
    day(conn, ours)
    others = [top_up(str(number)) for number in range(100, 200)]  # else too many rows of the file would be wrong
    put(inbox, FIRST, sheet(HEADER, top_up("8", 25), top_up("7", "?"), *others))
    day(conn, ours)
    put(inbox, SECOND.replace(".xlsx", ".csv"), as_csv([HEADER, top_up("8", 30)]))
    day(conn, ours)
    eight = traced(conn, ours, "8")
    ((row,), versions) = eight.silver, eight.versions
    assert (row.values["amount"], row.values["sheet"], row.values["row_no"]) == ("30.00", "rows", "2")
    assert [one.values["amount"] for one in versions] == ["30.00", "25.00", "20.00"]
    csv = "top_up_2026-10-02.csv"
    assert fates(eight) == [
        ("WON", f"{csv}!2: load {row.load_id} wrote it to silver.top_up"),
        ("SUPERSEDED", f"{FIRST}!Nov!2: {csv}!2 has the same key, and counts"),
        ("SUPERSEDED", f"{FIRST}!Nov!4: {csv}!2 has the same key, and counts"),
    ]
    assert [file.requested for file in eight.files] == [f"as {csv}", f"as {FIRST}", f"as {FIRST}"]
    assert {line.path for line in eight.lines} == {file.path for file in eight.files}
    seven = traced(conn, ours, "7")
    assert seven.silver == ()  # the later file of its day has it with a wrong cell
    assert [one.fate for one in seven.lines] == ["QUARANTINED", "SUPERSEDED"]
    assert f"{FIRST}!Nov!E3: amount is “?”" in seven.lines[0].detail
    assert "./retail rejects show" in seven.lines[0].detail
    assert seven.lines[1].detail == f"{FIRST}!Nov!3: {FIRST} replaced the file for 2026-10-01, and has no such row"


def test_a_file_that_waits_or_was_refused_says_so(conn: connection, ours: Settings, inbox: Path) -> None:
    put(inbox, FIRST, sheet(HEADER, *(top_up(str(number), "?") for number in range(20))))
    day(conn, ours)
    (refused,) = traced(conn, ours, "7").lines
    assert (refused.fate, "20 of 20 rows have a wrong cell" in refused.detail) == ("REFUSED", True)
    put(inbox, SECOND, sheet(HEADER, top_up("7")))
    collect_deliveries(conn, ours, subject="top_up", run_id="day")
    assert [one.fate for one in traced(conn, ours, "7").lines] == ["WAITING", "REFUSED"]


def test_a_row_that_is_gone_from_silver_is_missing(conn: connection, ours: Settings, inbox: Path) -> None:
    put(inbox, FIRST, sheet(HEADER, top_up("7")))
    day(conn, ours)
    execute(conn, "delete from silver.top_up")
    assert [one.fate for one in traced(conn, ours, "7").lines] == ["MISSING"]


def test_what_never_came_and_a_key_that_does_not_fit(conn: connection, ours: Settings, inbox: Path) -> None:
    assert traced(conn, ours, "7").notes == ("no file of top_up has come yet (docs/sources.md)",)
    put(inbox, FIRST, sheet(HEADER, top_up("7")))
    put(inbox, "top_up_2026-10-03.xlsx", b"PK\x03\x04 half")
    day(conn, ours)
    notes = traced(conn, ours, "9").notes
    assert notes[0].startswith("no file holds it; the last one that came is ")
    assert notes[1] == "files were refused unread, the last one top_up_2026-10-03.xlsx: ./retail deliveries says why"
    with pytest.raises(ConfigurationError) as raised:
        why(conn, ours, "post_deduction", ["app"], most=1)
    assert raised.value.remedy == "say ./retail why post_deduction BUSINESS_DATE CHANNEL"


def test_a_damaged_file_is_named_and_the_other_is_read(conn: connection, ours: Settings, inbox: Path) -> None:
    put(inbox, FIRST, sheet(HEADER, top_up("7", 10)))
    put(inbox, SECOND, sheet(HEADER, top_up("7", 11)))
    day(conn, ours)
    path = traced(conn, ours, "7").lines[0].path
    file = Path(ours.bronze_location) / path
    file.write_bytes(file.read_bytes()[:-5])
    trace = traced(conn, ours, "7")
    assert [one.fate for one in trace.lines] == ["SUPERSEDED"]
    assert [(one.path == path, one.state) for one in trace.files] == [(True, "DAMAGED"), (False, "READ")]


def test_the_answer_is_printed(conn: connection, ours: Settings, inbox: Path) -> None:
    put(inbox, FIRST, sheet(HEADER, top_up("7")))
    day(conn, ours)
    console = Console(record=True, width=400, quiet=False)
    print_why(why(conn, ours, "top_up", ["7"], most=1), "bronze", console)
    said = console.export_text()
    assert f"{FIRST}!Nov!2: load" in said
    assert f"pulled as {FIRST} by load" in said
    assert "silver.top_up_version" in said
