"""Files that people hand over become rows of Silver, each cell accounted for; what is wrong is named by its address."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from psycopg2.extensions import connection

from backend.workbooks.files import reports
from backend.workbooks.settings import WorkbookSettings
from backend.workbooks.truth import rows as truth
from ingestion.deliveries.collector import collect_deliveries
from ingestion.deliveries.inbox import Inbox
from loaders.load_table import load_table
from loaders.rejects import list_rejects, retry_rejects
from medallion.entities.entity import PROVENANCE
from medallion.entities.registry import DELIVERED
from medallion.errors import DataQualityError, DeliveriesIncomplete, InboxUnreadable, NothingToDo
from medallion.settings import Settings
from quality.deliveries import check_deliveries
from tests.deliveries import FIRST, HEADER, SECOND, SILVER, day, put, require_every_cell, sheet, statuses, top_up
from tests.queries import rows

DAY = date(2026, 10, 1)


@pytest.mark.parametrize("entity", DELIVERED)
def test_the_reports_of_a_week_are_in_silver_as_their_department_knows_them(
    conn: connection, ours: Settings, inbox: Path, entity: str
) -> None:
    sample = WorkbookSettings(members=60)
    days = [DAY + timedelta(days=number) for number in range(7)]
    for report in reports(sample, days, [entity]):
        put(inbox, report.name, report.content, entity)
    pulled, loaded = day(conn, ours, entity)
    known = [row for one in days for row in truth(sample, entity, one)]
    assert (pulled.files, loaded.counts.inserted, loaded.counts.rejected) == (7, len(known), 0)
    columns = [one.name for one in DELIVERED[entity].tables[0].columns if one.name not in PROVENANCE]
    assert set(known[0]) == set(columns)
    found = rows(conn, f"select {', '.join(columns)} from silver.{entity}")
    expected = {tuple(_stored(row[name]) for name in columns) for row in known}
    assert {tuple(_stored(value) for value in row) for row in found} == expected
    require_every_cell(conn, entity)
    again, nothing = day(conn, ours, entity)
    assert (again.files, nothing.files, again.cursor_after) == (0, 0, pulled.cursor_after)


def _stored(value: Any) -> Any:
    if isinstance(value, Decimal | float):
        return Decimal(str(value)).normalize()
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=ZoneInfo("Europe/Paris"))).timestamp()
    return value


def test_a_row_with_a_bad_cell_is_quarantined_whole_and_named_by_its_address(
    conn: connection, ours: Settings, inbox: Path
) -> None:
    put(inbox, FIRST, sheet(HEADER, top_up("1"), top_up("2", "abc"), top_up("3"), top_up("4", member=7)))
    _, loaded = day(conn, ours)
    assert (loaded.counts.inserted, loaded.counts.rejected) == (2, 2)
    cut = "is the number 7 where 7 digits belong: the sheet has dropped its leading zeros."
    asked = "Format the column as text, and enter it again"
    assert rows(conn, "select line_no, field, reason from meta.rejected_record order by line_no") == [
        (2, "amount", f"{FIRST}!Nov!E3: amount is “abc”, which is not an amount with '.' before its decimals"),
        (4, "member_id", f"{FIRST}!Nov!B5: member_id {cut} {asked}"),
    ]
    require_every_cell(conn)


def test_a_corrected_copy_replaces_the_file_and_settles_its_quarantine(
    conn: connection, ours: Settings, inbox: Path
) -> None:
    put(inbox, FIRST, sheet(HEADER, top_up("1"), top_up("2", "abc"), top_up("3")))
    day(conn, ours)
    put(inbox, "top_up_2026-10-01 (2).xlsx", sheet(HEADER, top_up("1", 11), top_up("2", 12)))
    _, loaded = day(conn, ours)
    assert rows(conn, SILVER) == [("1", Decimal("11.00"), "2026-10-01", 2), ("2", Decimal("12.00"), "2026-10-01", 3)]
    assert (loaded.counts.inserted, loaded.counts.updated) == (1, 1)
    assert statuses(conn) == [(FIRST, "SUPERSEDED"), ("top_up_2026-10-01 (2).xlsx", "LOADED")]
    assert rows(conn, "select status from meta.rejected_record") == [("RESOLVED",)]
    assert rows(conn, "select count(*) from silver.top_up_version") == [(4,)]
    require_every_cell(conn)


def test_the_same_content_again_changes_nothing_and_says_when_it_landed(
    conn: connection, ours: Settings, inbox: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content = sheet(HEADER, top_up("1"))
    put(inbox, FIRST, content)
    day(conn, ours)
    put(inbox, "copy of top_up_2026-10-01.xlsx", content)
    with caplog.at_level("INFO"):
        pulled, loaded = day(conn, ours)
    assert (pulled.files, loaded.files) == (0, 0)
    assert any(one.message.startswith(f"top_up: copy of {FIRST} landed already: ") for one in caplog.records)
    put(inbox, SECOND, content)
    pulled, _ = day(conn, ours)
    assert pulled.notes == (f"refused: {SECOND} has the content of {FIRST}, which is of 2026-10-01",)


def test_a_sender_can_go_back_to_what_was_replaced(conn: connection, ours: Settings, inbox: Path) -> None:
    first = sheet(HEADER, top_up("1", 5))
    put(inbox, FIRST, first)
    day(conn, ours)
    put(inbox, FIRST, sheet(HEADER, top_up("1", 6)))
    day(conn, ours)
    put(inbox, FIRST, first)
    day(conn, ours)
    assert rows(conn, SILVER) == [("1", Decimal("5.00"), "2026-10-01", 2)]
    assert [status for _, status in statuses(conn)] == ["SUPERSEDED", "SUPERSEDED", "LOADED"]


def test_of_files_that_come_together_for_a_period_the_last_by_name_counts(
    conn: connection, ours: Settings, inbox: Path
) -> None:
    names = ["top_up_2026-10-01 (10).xlsx", "top_up_2026-10-01 (2).xlsx", FIRST]
    for amount, name in enumerate(names, 1):
        put(inbox, name, sheet(HEADER, top_up("1", amount)))
    pulled, _ = day(conn, ours)
    assert rows(conn, SILVER) == [("1", Decimal("1.00"), "2026-10-01", 2)]
    assert pulled.notes == (
        f"{names[1]} counts, and not {FIRST}: they came together for 2026-10-01",
        f"{names[0]} counts, and not {names[1]}: they came together for 2026-10-01",
    )
    assert day(conn, ours)[0].files == 0


def test_a_file_that_was_replaced_and_lies_there_still_is_no_news(
    conn: connection, ours: Settings, inbox: Path
) -> None:
    put(inbox, FIRST, sheet(HEADER, top_up("1", 5)))
    day(conn, ours)
    put(inbox, "top_up_2026-10-01 (2).xlsx", sheet(HEADER, top_up("1", 6)))
    for files in (1, 0):
        assert day(conn, ours)[0].files == files
        assert rows(conn, SILVER) == [("1", Decimal("6.00"), "2026-10-01", 2)]


def test_a_report_of_nothing_takes_back_what_came_before(conn: connection, ours: Settings, inbox: Path) -> None:
    put(inbox, FIRST, sheet(HEADER, top_up("1")))
    day(conn, ours)
    put(inbox, FIRST, sheet(HEADER))
    day(conn, ours)
    assert rows(conn, SILVER) == []
    assert [status for _, status in statuses(conn)] == ["SUPERSEDED", "LOADED"]
    require_every_cell(conn)


def test_a_key_that_two_periods_have_stays_when_one_takes_it_back(
    conn: connection, ours: Settings, inbox: Path
) -> None:
    put(inbox, FIRST, sheet(HEADER, top_up("1", 5), top_up("2")))
    put(inbox, SECOND, sheet(HEADER, top_up("1", 6)))
    day(conn, ours)
    assert rows(conn, SILVER)[0] == ("1", Decimal("6.00"), "2026-10-02", 2)
    put(inbox, SECOND, sheet(HEADER, top_up("3")))
    day(conn, ours)
    assert [row[:3] for row in rows(conn, SILVER)] == [
        ("1", Decimal("5.00"), "2026-10-01"),
        ("2", Decimal("10.00"), "2026-10-01"),
        ("3", Decimal("10.00"), "2026-10-02"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (FIRST, b"PK\x03\x04 half", FIRST),
        ("october.xlsx", sheet(HEADER, top_up("1")), "its name has no day of the calendar"),
        ("top_up_2026-10-32.xlsx", sheet(HEADER, top_up("1")), "its name has no day of the calendar"),
        (FIRST, sheet(HEADER[:-1], top_up("1")), "row 1 is the header, and it lacks level"),
        (FIRST, sheet((*HEADER, "Canal"), top_up("1")), "two columns are the same one: C1, H1"),
        (FIRST, sheet(("a", "b"), (1, 2)), "no sheet has a header"),
        (
            FIRST,
            sheet(HEADER, top_up("1"), ("Total", None, None, None, 11)),
            "the total in row 3 says 11 for amount, and the rows add up to 10",
        ),
    ],
)
def test_a_file_that_is_not_what_was_agreed_is_refused_and_keeps_no_other_from_loading(
    conn: connection, ours: Settings, inbox: Path, name: str, content: bytes, said: str
) -> None:
    put(inbox, name, content)
    put(inbox, SECOND, sheet(HEADER, top_up("2"), ("Total", None, None, None, 10)))
    pulled, loaded = day(conn, ours)
    assert (pulled.files, loaded.counts.inserted) == (1, 1)
    ((status, reason, remedy),) = rows(conn, f"select status, reason, remedy from meta.delivery where name = '{name}'")
    assert (status, said in reason, bool(remedy)) == ("REFUSED", True, True)
    day(conn, ours)
    assert rows(conn, "select count(*) from meta.delivery") == [(2,)]


def test_a_file_of_mostly_bad_rows_replaces_nothing(conn: connection, ours: Settings, inbox: Path) -> None:
    put(inbox, FIRST, sheet(HEADER, *(top_up(str(number)) for number in range(20))))
    day(conn, ours)
    put(inbox, FIRST, sheet(HEADER, *(top_up(str(number), "?") for number in range(20))))
    _, loaded = day(conn, ours)
    assert loaded.counts.inserted == 0
    assert [status for _, status in statuses(conn)] == ["LOADED", "REFUSED"]
    assert rows(conn, "select count(*), max(amount) from silver.top_up") == [(20, Decimal("10.00"))]
    assert day(conn, ours)[0].files == 0
    put(inbox, SECOND, sheet(HEADER, top_up("99")))
    assert day(conn, ours)[1].counts.inserted == 1


NOON = datetime(2026, 10, 4, 8, tzinfo=timezone.utc)  # 10 o'clock in Paris


def check(conn: connection, settings: Settings, now: datetime = NOON) -> str:
    return check_deliveries(conn, settings, run_id="day", now=now).summary()


def test_every_cell_is_found_and_a_file_is_counted_once(conn: connection, ours: Settings, inbox: Path) -> None:
    for number in range(1, 4):
        put(inbox, f"top_up_2026-10-0{number}.xlsx", sheet(HEADER, top_up(f"{number}"), top_up(f"x{number}", "?")))
    day(conn, ours)
    assert check(conn, ours) == "3 files: 42 cells, all in Silver or in quarantine"
    assert check(conn, ours) == "0 files: 0 cells, all in Silver or in quarantine"


@pytest.mark.parametrize(
    "loss", ["delete from silver.top_up_version where row_no = 2", "delete from meta.rejected_record"]
)
def test_a_cell_that_is_nowhere_fails_the_check(conn: connection, ours: Settings, inbox: Path, loss: str) -> None:
    put(inbox, "top_up_2026-10-03.xlsx", sheet(HEADER, top_up("1"), top_up("2", "?")))
    day(conn, ours)
    with conn, conn.cursor() as cursor:
        cursor.execute(loss)
    with pytest.raises(DataQualityError, match=r"top_up_2026-10-03\.xlsx has 14 filled cells, and 7 are in Silver"):
        check(conn, ours)


def test_a_file_that_is_missing_or_refused_is_named_until_it_comes(
    conn: connection, ours: Settings, inbox: Path
) -> None:
    with pytest.raises(NothingToDo):
        check(conn, ours)
    put(inbox, FIRST, sheet(HEADER, top_up("1")))
    put(inbox, "top_up_2026-10-03.xlsx", sheet(HEADER[:-1], top_up("3")))
    day(conn, ours)
    lacks = "top_up: top_up_2026-10-03.xlsx: Nov: row 1 is the header, and it lacks level"
    with pytest.raises(DeliveriesIncomplete) as incomplete:
        check(conn, ours)
    assert incomplete.value.files == (lacks, "top_up: no file for 2026-10-02")
    put(inbox, SECOND, sheet(HEADER))
    put(inbox, "top_up_2026-10-03.xlsx", sheet(HEADER, top_up("3")))
    day(conn, ours)
    check(conn, ours)
    with pytest.raises(DeliveriesIncomplete, match="top_up: no file for 2026-10-04"):  # it is five past midnight there
        check(conn, ours, datetime(2026, 10, 4, 22, 5, tzinfo=timezone.utc))


def amounts(conn: connection) -> list[tuple[str, int]]:
    return [(key, int(amount)) for key, amount, _, _ in rows(conn, SILVER)]


SECOND_COPY = "top_up_2026-10-01 (2).xlsx"


def test_an_old_twin_that_lies_there_undoes_no_correction(conn: connection, ours: Settings, inbox: Path) -> None:
    for name in (FIRST, SECOND_COPY):
        put(inbox, name, sheet(HEADER, top_up("1", 5)))
    day(conn, ours)
    put(inbox, FIRST, sheet(HEADER, top_up("1", 6)))
    for _ in range(3):
        day(conn, ours)
        assert amounts(conn) == [("1", 6)]


def test_going_back_before_the_load_counts(conn: connection, ours: Settings, inbox: Path) -> None:
    first = sheet(HEADER, top_up("1", 5))
    put(inbox, FIRST, first)
    day(conn, ours)
    put(inbox, FIRST, sheet(HEADER, top_up("1", 6)))
    collect_deliveries(conn, ours, subject="top_up", run_id="day")
    put(inbox, FIRST, first)
    day(conn, ours)
    assert amounts(conn) == [("1", 5)]


def test_a_small_file_of_wrong_rows_replaces_no_good_one(conn: connection, ours: Settings, inbox: Path) -> None:
    put(inbox, FIRST, sheet(HEADER, top_up("1"), top_up("2")))
    day(conn, ours)
    put(inbox, FIRST, sheet(HEADER, top_up("1", 11), top_up("2", "5 EUR")))
    day(conn, ours)
    assert amounts(conn) == [("1", 10), ("2", 10)]
    with pytest.raises(DeliveriesIncomplete, match="1 of 2 rows have a wrong cell, and the file is not loaded"):
        check(conn, ours, datetime(2026, 10, 2, 8, tzinfo=timezone.utc))
    looser = ours.model_copy(update={"reject_limit_share": 0.5})
    collect_deliveries(conn, looser, subject="top_up", run_id="day", full_refresh=True)
    load_table(conn, looser, subject="top_up", run_id="day")
    assert amounts(conn) == [("1", 11)]
    day(conn, ours)
    assert amounts(conn) == [("1", 11)]


def test_a_file_whose_rows_are_all_wrong_is_refused(conn: connection, ours: Settings, inbox: Path) -> None:
    put(inbox, FIRST, sheet(HEADER, top_up("1", "?")))
    day(conn, ours)
    assert statuses(conn) == [(FIRST, "REFUSED")]


def test_a_name_with_two_days_is_refused(conn: connection, ours: Settings, inbox: Path) -> None:
    put(inbox, SECOND, sheet(HEADER, top_up("2")))
    put(inbox, "2026-10-02 correction of top_up_2026-10-01.xlsx", sheet(HEADER, top_up("1")))
    day(conn, ours)
    assert amounts(conn) == [("2", 10)]


def test_a_refusal_is_over_once_it_is_corrected_or_the_file_has_gone(
    conn: connection, ours: Settings, inbox: Path
) -> None:
    now = datetime(2026, 10, 2, 8, tzinfo=timezone.utc)
    put(inbox, FIRST, sheet(HEADER[:-1], top_up("1")))
    put(inbox, "notes of october.xlsx", sheet(HEADER, top_up("9")))
    put(inbox, SECOND_COPY, sheet(HEADER, top_up("1")))
    for _ in range(2):  # the refused file stays where it is
        day(conn, ours)
        with pytest.raises(DeliveriesIncomplete) as incomplete:
            check(conn, ours, now)
        assert [one.split(":")[1].strip() for one in incomplete.value.files] == ["notes of october.xlsx"]
    (inbox / "top_up" / "notes of october.xlsx").unlink()
    day(conn, ours)
    check(conn, ours, now)


def test_a_file_with_a_wrong_day_is_corrected_by_its_name(conn: connection, ours: Settings, inbox: Path) -> None:
    put(inbox, "top_up_2026-11-01.xlsx", sheet(HEADER, top_up("1")))
    day(conn, ours)
    (inbox / "top_up" / "top_up_2026-11-01.xlsx").rename(inbox / "top_up" / FIRST)
    day(conn, ours)
    assert rows(conn, SILVER) == [("1", Decimal("10.00"), "2026-10-01", 2)]


def test_two_days_without_a_row_may_be_the_same_bytes(conn: connection, ours: Settings, inbox: Path) -> None:
    nothing = sheet(HEADER)
    put(inbox, FIRST, nothing)
    put(inbox, SECOND, nothing)
    day(conn, ours)
    assert [status for _, status in statuses(conn)] == ["LOADED", "LOADED"]


def test_of_two_rows_with_one_key_the_lower_one_counts(conn: connection, ours: Settings, inbox: Path) -> None:
    put(inbox, FIRST, sheet(HEADER, top_up("1", 9, "0000009"), top_up("1", 5)))
    put(inbox, SECOND, sheet(HEADER, top_up("1", 7)))
    day(conn, ours)
    put(inbox, SECOND, sheet(HEADER))
    day(conn, ours)
    assert amounts(conn) == [("1", 5)]


def test_the_check_looks_at_the_table_and_again_after_a_reload(conn: connection, ours: Settings, inbox: Path) -> None:
    now = datetime(2026, 10, 2, 8, tzinfo=timezone.utc)
    put(inbox, FIRST, sheet(HEADER, top_up("1"), top_up("2", "a_x0000_b")))
    day(conn, ours)
    check(conn, ours, now)
    with conn, conn.cursor() as cursor:
        cursor.execute("delete from silver.top_up")
    with pytest.raises(DataQualityError, match=r"silver\.top_up is not what its files say: 1 row differ"):
        check(conn, ours, now)
    with conn, conn.cursor() as cursor:
        cursor.execute("truncate silver.top_up, silver.top_up_version")
        cursor.execute("update meta.bronze_file set silver_load_id = null")
    load_table(conn, ours, subject="top_up", run_id="day")
    assert check(conn, ours, now) == "1 file: 14 cells, all in Silver or in quarantine"


def test_a_file_that_cannot_be_read_keeps_no_other_from_landing(
    conn: connection, ours: Settings, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(inbox, FIRST, sheet(HEADER, top_up("1")))
    put(inbox, SECOND, sheet(HEADER, top_up("2")))
    fetch = Inbox.fetch

    def closed(self: Inbox, name: str, to: Path) -> tuple[str, int]:
        if name == FIRST:
            raise InboxUnreadable(f"{name} cannot be read", remedy="open it")
        return fetch(self, name, to)

    with monkeypatch.context() as broken:
        broken.setattr(Inbox, "fetch", closed)
        with pytest.raises(InboxUnreadable):
            collect_deliveries(conn, ours, subject="top_up", run_id="day")
    load_table(conn, ours, subject="top_up", run_id="day")
    assert amounts(conn) == [("2", 10)]
    day(conn, ours)
    assert amounts(conn) == [("1", 10), ("2", 10)]


def test_a_retry_of_what_a_later_file_has_settled_brings_nothing_back(
    conn: connection, ours: Settings, inbox: Path
) -> None:
    put(inbox, FIRST, sheet(HEADER, top_up("1"), top_up("2", "?")))
    day(conn, ours)
    listed = list_rejects(conn, dataset="top_up")
    put(inbox, FIRST, sheet(HEADER, top_up("1")))
    day(conn, ours)
    tried = retry_rejects(conn, listed, run_id="retry")
    assert amounts(conn) == [("1", 10)]
    assert (len(listed), tried.resolved, tried.reasons) == (1, (), ("a later file has settled it",))
