"""Each fault does to its file what the ledger says, and to no other file anything."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from python_calamine import CalamineError

from backend.workbooks.fault_kinds import DOMAINS, FAULTS, MOST, parse_faults
from backend.workbooks.files import Planted, Report, arrivals, ledger, reports
from backend.workbooks.layouts import LAYOUTS
from backend.workbooks.settings import WorkbookSettings
from tests.workbook_cells import AROUND, body, calamine_rows, headers, openpyxl_rows

START = date(2026, 1, 5)
DAYS = [START + timedelta(days=number) for number in range(28)]
SPAN = DAYS[6:16]


def settings(faults: str = "") -> WorkbookSettings:
    return WorkbookSettings(seed=7, members=60, start=START, faults=faults)


ALL = ",".join(f"{fault}:{MOST}" for fault in FAULTS)


@cache
def sent_with(faults: str) -> tuple[Report, ...]:
    return tuple(reports(settings(faults), DAYS))


@cache
def all_sound() -> dict[str, Report]:
    return {one.name: one for one in sent_with("")}


@cache
def struck(fault: str) -> list[tuple[Planted, list[Report]]]:
    """Every file that has the fault, as the ledger has it and as it is sent."""
    chosen = settings(f"{fault}:{MOST}")
    found = [(one, list(reports(chosen, [one.day], [one.domain]))) for one in ledger(chosen, DAYS)]
    assert len(found) == MOST
    assert {one.fault for one, _ in found} == {fault}
    return found


def sound(one: Planted) -> Report:
    return all_sound()[f"{one.domain}_{one.day}.xlsx"]


def changed(one: Planted, sent: Report) -> list[tuple[int, int, Any, Any]]:
    """Excel's row and column, value before and after, of every cell that differs."""
    before, after = openpyxl_rows(sound(one).content), openpyxl_rows(sent.content)
    return [
        (number, place, was, now)
        for number, (old, new) in enumerate(zip(before, after, strict=True), 1)
        for place, (was, now) in enumerate(zip(old, new, strict=True), 1)
        if was != now
    ]


def number_of(value: Any) -> Decimal:
    text = str(value)
    return Decimal(text.replace(".", "").replace(",", ".") if "," in text else text)


def test_no_fault_is_the_default() -> None:
    assert WorkbookSettings().faults == ""
    assert list(ledger(settings(), DAYS)) == []


def test_files_that_the_ledger_does_not_name_are_sound() -> None:
    planted = {(one.domain, one.day): one for one in ledger(settings(ALL), DAYS)}
    assert len(planted) == len(FAULTS) * MOST
    assert Counter(one.fault for one in planted.values()) == Counter(dict.fromkeys(FAULTS, MOST))
    for sent in sent_with(ALL):
        assert (sent == all_sound().get(sent.name)) == ((sent.domain, sent.day) not in planted) or " (2)" in sent.name
    sent_names = Counter(one.name for one in sent_with(ALL))
    missing = {sound(one).name for one in planted.values() if one.fault == "missing_file"}
    assert set(all_sound()) - set(sent_names) == missing
    assert set(sent_names.values()) == {1}


def test_the_ledger_names_the_files_that_are_sent() -> None:
    for fault in FAULTS:
        for one, sent in struck(fault):
            assert one.names == tuple(report.name for report in sent)
            assert one.exists_from == max((report.exists_from for report in sent), default=None)


def test_a_bad_cell_is_where_the_ledger_says() -> None:
    kinds = Counter[str]()
    for one, (sent,) in struck("bad_cell"):
        ((number, place, was, now),) = changed(one, sent)
        header = headers(sent)[place - 1]
        assert one.detail == f"row {number}, column {header!r}: {now!r}"
        column = list(LAYOUTS[one.domain].headers)[place - 1]
        kinds["word" if column.endswith("amount") else "day"] += 1
        assert isinstance(now, str)
        if column.endswith("amount"):
            assert not any(sign.isdigit() for sign in now)
            assert number_of(was) >= 0
        else:
            assert now.startswith(("31.02.", "31/02/"))
            assert isinstance(was, datetime) or was == f"{one.day:%d.%m.%Y}"
    assert kinds.keys() == {"word", "day"}


def test_what_is_sent_again_corrects_one_amount() -> None:
    for one, (first, again) in struck("resend"):
        assert again.name == sound(one).name.replace(".xlsx", " (2).xlsx")
        assert again.content == sound(one).content
        assert first.exists_from == one.day < again.exists_from <= one.day + timedelta(days=3)
        of_rows = [change for change in changed(one, first) if change[0] <= AROUND[one.domain][0] + len(body(first))]
        assert number_of(of_rows[0][3]) - number_of(of_rows[0][2]) == 10
        assert one.detail.startswith(f"row {of_rows[0][0]}, column {headers(first)[of_rows[0][1] - 1]!r}")
        assert len(of_rows) == (2 if one.domain == "post_deduction" else 1)


def test_the_total_of_what_is_sent_again_was_that_of_its_rows() -> None:
    for one, (first, _) in struck("resend"):
        if one.domain in ("pre_deduction", "post_deduction"):
            gross = sum(number_of(row[-1]) for row in body(first))
            assert number_of(openpyxl_rows(first.content)[-1][-1]) == gross


def test_a_late_file_is_sound_and_comes_days_later() -> None:
    for one, (sent,) in struck("late_file"):
        assert sent.content == sound(one).content
        assert one.exists_from == sent.exists_from
        assert timedelta(days=2) <= sent.exists_from - one.day <= timedelta(days=5)


def test_a_missing_file_is_not_sent() -> None:
    for one, sent in struck("missing_file"):
        assert sent == []
        assert (one.names, one.exists_from) == ((), None)


def test_a_renamed_header_is_the_only_change() -> None:
    for one, (sent,) in struck("renamed_header"):
        ((number, _, was, now),) = changed(one, sent)
        assert number == AROUND[one.domain][0]
        assert one.detail == f"column {was!r} is called {now!r}"


def test_headers_in_lower_case_are_the_only_change() -> None:
    for one, (sent,) in struck("header_lower"):
        assert headers(sent) == [header.lower() for header in headers(sound(one))] != headers(sound(one))
        assert {number for number, *_ in changed(one, sent)} == {AROUND[one.domain][0]}


def test_an_extra_column_stands_after_the_others() -> None:
    for one, (sent,) in struck("extra_column"):
        assert one.detail.endswith(repr(headers(sent)[-1]))
        rows = openpyxl_rows(sent.content)
        assert [row[:-1] for row in rows] == openpyxl_rows(sound(one).content)
        assert [row[-1] for row in body(sent)].count("ok") == 1


def test_a_duplicate_row_follows_its_original() -> None:
    for one, (sent,) in struck("duplicate_row"):
        rows, number = openpyxl_rows(sent.content), int(one.detail.split()[1])
        assert rows[number - 1] == rows[number]
        assert rows[:number] + rows[number + 1 :] == openpyxl_rows(sound(one).content)
        assert number > AROUND[one.domain][0]


def test_a_wrong_total_is_a_hundred_too_high() -> None:
    for one, (sent,) in struck("total_wrong"):
        ((number, _, was, now),) = changed(one, sent)
        assert number == len(openpyxl_rows(sent.content))
        assert number_of(now) - number_of(was) == 100
        assert one.domain in ("pre_deduction", "post_deduction")


def test_a_half_copied_file_is_a_beginning_that_no_reader_opens() -> None:
    for one, (sent,) in struck("half_copied"):
        whole = sound(one).content
        assert whole.startswith(sent.content)
        assert one.detail == f"the first {len(sent.content)} of {len(whole)} bytes"
        assert 0 < len(sent.content) < len(whole)
        with pytest.raises(CalamineError):
            calamine_rows(sent.content)


def test_faults_are_the_same_for_one_day_as_for_all() -> None:
    days = DAYS[20:24]
    found = [one for day in days for one in reports(settings(ALL), [day])]
    assert found == [one for one in sent_with(ALL) if one.day in days]


def test_a_file_without_rows_has_no_fault_in_a_row() -> None:
    alone = WorkbookSettings(seed=7, members=1, start=START, faults=f"bad_cell:{MOST},duplicate_row:{MOST}")
    for one in ledger(alone, DAYS):
        assert one.domain in ("pre_deduction", "post_deduction")
    assert len(list(reports(alone, DAYS))) == len(DAYS) * len(DOMAINS)


def test_what_arrives_day_by_day_is_what_arrives_at_once() -> None:
    chosen = settings(f"late_file:{MOST},resend:{MOST},missing_file")
    at_once = {one.name: one for one in arrivals(chosen, SPAN[0], SPAN[-1])}
    by_day = [one for day in SPAN for one in arrivals(chosen, day, day)]
    assert {one.name: one for one in by_day} == at_once
    assert len(by_day) == len(at_once)
    assert all(SPAN[0] <= one.exists_from <= SPAN[-1] for one in by_day)
    assert any(one.day < one.exists_from for one in by_day)


def test_late_files_of_the_days_before_arrive() -> None:
    one, (sent,) = struck("late_file")[0]
    chosen = settings(f"late_file:{MOST}")
    assert sent in list(arrivals(chosen, sent.exists_from, sent.exists_from))
    assert sent not in list(arrivals(chosen, one.day, one.day))


def test_counts_are_read() -> None:
    assert parse_faults(" bad_cell:2, resend ,") == {"bad_cell": 2, "resend": 1}
    assert parse_faults("") == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("bad_cel", "'bad_cel' is not a fault of workbooks; there are total_wrong, bad_cell"),
        ("resend,resend:2", "resend is named twice"),
        ("resend:0", "resend: the count '0' is no whole number from 1 to 8"),
        ("resend:9", "resend: the count '9'"),
        ("resend:", "resend: the count ''"),
        ("resend:²", "resend: the count '²'"),
    ],
)
def test_a_wrong_word_is_named(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{said}"):
        WorkbookSettings(faults=text)


@pytest.mark.parametrize(("changes", "said"), [({"seed": -1}, "seed: -1"), ({"members": 0}, "members: 0")])
def test_a_wrong_setting_is_named(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=f"^{said}"):
        WorkbookSettings(**changes)
