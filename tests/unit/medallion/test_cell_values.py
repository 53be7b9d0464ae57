"""A cell is a value of its column in one way only, or it is refused with a sentence for the person who wrote it."""

from __future__ import annotations

from typing import Any

import pytest

from medallion.cell_values import CellRefused, reader_of
from medallion.entities.column_types import (
    AMOUNT,
    COUNT,
    DATE,
    FLAG,
    ID,
    MOMENT,
    PRICE,
    QUANTITY,
    TEXT,
    WORD,
    ColumnType,
)
from medallion.entities.layout import Layout

PLAIN = Layout(digits={"member_id": 7}, zone="Europe/Paris")
GERMAN = Layout(decimal=",", dates=("%d.%m.%Y", "%d.%m.%Y %H:%M"), zone="Europe/Berlin")


def read(declared: ColumnType, kind: str, value: Any, layout: Layout = PLAIN, name: str = "column") -> Any:
    return reader_of(declared, layout, name)(kind, value)


@pytest.mark.parametrize(
    ("declared", "kind", "value", "layout", "expected"),
    [
        (AMOUNT, "n", 12.5, PLAIN, "12.5"),
        (AMOUNT, "n", 1234567890, PLAIN, "1234567890"),
        (AMOUNT, "n", 0.1 + 0.2, PLAIN, "0.3"),  # a sheet keeps 15 digits
        (AMOUNT, "n", -7.1, PLAIN, "-7.1"),
        (AMOUNT, "n", "12.10", GERMAN, "12.1"),  # an exact number: no sign of the layout's is in it
        (AMOUNT, "n", "1E+3", PLAIN, "1000"),
        (AMOUNT, "n", "1200.000", PLAIN, "1200"),
        (ID, "n", "9007199254740993", PLAIN, 9007199254740993),
        (ID, "n", "7.0", PLAIN, 7),
        (WORD, "n", "9007199254740993", PLAIN, "9007199254740993"),
        (AMOUNT, "s", "1,234.50", PLAIN, "1234.50"),
        (AMOUNT, "s", "1.234,50", GERMAN, "1234.50"),
        (AMOUNT, "s", "1\u202f234,5", GERMAN, "1234.5"),
        (AMOUNT, "s", "1'234,50", GERMAN, "1234.50"),
        (AMOUNT, "s", "\u22127,10", GERMAN, "-7.10"),
        (AMOUNT, "s", "+7", GERMAN, "7"),
        (AMOUNT, "s", "1.234", GERMAN, "1234"),  # the layout says which sign is which
        (PRICE, "s", " 0,05 ", GERMAN, "0.05"),
        (COUNT, "n", 0, PLAIN, 0),
        (COUNT, "n", 42.0, PLAIN, 42),
        (COUNT, "s", "1,000", PLAIN, 1000),
        (ID, "n", 2**53 - 1, PLAIN, 2**53 - 1),
        (WORD, "s", "\u00a0 0042 ", PLAIN, "0042"),
        (WORD, "n", 42, PLAIN, "42"),
        (TEXT, "s", "a\nb", PLAIN, "a\nb"),
        (DATE, "d", "2026-11-01", PLAIN, "2026-11-01"),
        (DATE, "d", "2026-11-01T00:00:00", PLAIN, "2026-11-01"),
        (DATE, "s", "2026-11-01", PLAIN, "2026-11-01"),
        (DATE, "s", "01.11.2026", GERMAN, "2026-11-01"),
        (DATE, "s", "29.02.2024", GERMAN, "2024-02-29"),
        (MOMENT, "d", "2026-11-01T10:05:07.123", PLAIN, "2026-11-01T09:05:07.123000Z"),
        (MOMENT, "d", "2026-07-01T10:05:00", PLAIN, "2026-07-01T08:05:00Z"),
        (MOMENT, "s", "2026-11-01T10:05:00+05:30", PLAIN, "2026-11-01T04:35:00Z"),
        (MOMENT, "s", "01.11.2026 10:05", GERMAN, "2026-11-01T09:05:00Z"),
        (MOMENT, "d", "2026-10-25T02:30:00", PLAIN, "2026-10-25T00:30:00Z"),  # twice that night: the first of the two
        (FLAG, "b", True, PLAIN, True),
        (FLAG, "s", "FALSE", PLAIN, False),
    ],
)
def test_a_cell_that_is_a_value_becomes_it(
    declared: ColumnType, kind: str, value: Any, layout: Layout, expected: Any
) -> None:
    found = read(declared, kind, value, layout)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("declared", "kind", "value", "layout", "said"),
    [
        (AMOUNT, "s", "abc", PLAIN, "is “abc”, which is not an amount with '.' before its decimals"),
        (AMOUNT, "n", "1E+999999999", PLAIN, "is “1E+999999999”, which is not a decimal string"),
        (AMOUNT, "n", "12.105", PLAIN, "is “12.105”, which is not a decimal string"),
        (ID, "n", "1E+999999999", PLAIN, "is 1E+999999999 where a whole number belongs"),
        (ID, "n", "7.5", PLAIN, "is 7.5 where a whole number belongs"),
        (ID, "n", "9223372036854775808", PLAIN, "which is not a whole number from 1 to"),
        (WORD, "n", "12.10", PLAIN, "is the number 12.1 where a text belongs"),
        (AMOUNT, "s", "1,23", PLAIN, "is “1,23”, which is not an amount"),
        (AMOUNT, "s", "1.23", GERMAN, "is “1.23”, which is not an amount with ',' before its decimals"),
        (AMOUNT, "s", "12,50 €", GERMAN, "is “12,50 €”"),
        (AMOUNT, "s", "1.23.456,00", GERMAN, "is “1.23.456,00”"),
        (AMOUNT, "n", 12.345, PLAIN, "is “12.345”, which is not a decimal string of up to 10 digits and 2 decimals"),
        (AMOUNT, "n", 1e20, PLAIN, "which is not a decimal string"),
        (AMOUNT, "n", 1e-7, PLAIN, "which is not a decimal string"),
        (AMOUNT, "d", "2026-11-01", PLAIN, "is the day “2026-11-01” where an amount belongs"),
        (AMOUNT, "b", True, PLAIN, "is TRUE where an amount belongs"),
        (PRICE, "n", -1, PLAIN, "not negative"),
        (COUNT, "n", 1.5, PLAIN, "is 1.5 where a whole number belongs"),
        (COUNT, "n", -1, PLAIN, "a whole number from 0"),
        (COUNT, "s", "1.5", PLAIN, "is “1.5”, which is not a whole number"),
        (QUANTITY, "n", 0, PLAIN, "a quantity is not zero"),
        (WORD, "n", 1.5, PLAIN, "is the number 1.5 where a text belongs"),
        (WORD, "n", 1234567890123456789, PLAIN, "is a number of 19 digits, of which a sheet keeps 15"),
        (WORD, "s", "  ", PLAIN, "is blank"),
        (WORD, "s", "a\nb", PLAIN, "on one line"),
        (TEXT, "s", "a\x00b", PLAIN, "text without NUL characters"),
        (DATE, "n", 45000, PLAIN, "is the number 45000 where a day belongs"),
        (DATE, "s", "01.11.2026", PLAIN, "which is not a day in the form 2026-11-01"),
        (DATE, "s", "31.02.2026", GERMAN, "a day in the form 2026-11-01 or 01.11.2026"),
        (DATE, "d", "2026-11-01T10:00:00", PLAIN, "a time where only a day belongs"),
        (MOMENT, "t", "10:00:00", PLAIN, "is the time “10:00:00” where a time belongs"),
        (MOMENT, "s", "01.11.2026", GERMAN, "is “01.11.2026”, a day without a time"),
        (MOMENT, "s", "0001-01-01 00:00:00", PLAIN, "which is no moment that can be stored"),
        (MOMENT, "d", "2026-03-29T02:30:00", PLAIN, "which the clock of Europe/Paris skipped that day"),
        (FLAG, "s", "yes", PLAIN, "is the text “yes” where true or false belongs"),
        (AMOUNT, "e", "#DIV/0!", PLAIN, "is the error #DIV/0!"),
        (TEXT, "f", "A1+1", PLAIN, "is a formula whose value was not saved"),
    ],
)
def test_a_cell_that_is_none_is_refused_in_a_sentence(
    declared: ColumnType, kind: str, value: Any, layout: Layout, said: str
) -> None:
    with pytest.raises(CellRefused) as refused:
        read(declared, kind, value, layout)
    assert said in str(refused.value)


def test_a_number_of_a_card_that_has_lost_its_zeros_is_not_guessed() -> None:
    assert read(WORD, "s", "0001234", name="member_id") == "0001234"
    with pytest.raises(CellRefused, match="is the number 1234 where 7 digits belong: the sheet has dropped"):
        read(WORD, "n", 1234, name="member_id")
    assert read(WORD, "n", 1234567, name="member_id") == "1234567"
    with pytest.raises(CellRefused, match="which is not 7 digits"):
        read(WORD, "s", "1234", name="member_id")
    for kind, wrong in (("n", -123456), ("s", "abcdefg"), ("s", "١٢٣٤٥٦٧")):
        with pytest.raises(CellRefused, match="which is not 7 digits"):
            read(WORD, kind, wrong, name="member_id")


def test_one_and_true_are_two_cells() -> None:
    reads = reader_of(COUNT, PLAIN, "column")
    assert reads("n", 1) == 1
    with pytest.raises(CellRefused, match="is TRUE where a whole number belongs"):
        reads("b", True)  # noqa: FBT003 - a cell
