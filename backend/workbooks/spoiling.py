"""What a fault does to the sheet of a file, and in words what it did."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from backend.workbooks.layouts import cell, lay_out, summed

if TYPE_CHECKING:
    from collections.abc import Callable

    from backend.workbooks.layouts import Cell, Layout, Sheet
    from backend.workbooks.truth import Row

_WRONG_BY = Decimal("100.00")  # a total
_CORRECTED_BY = Decimal("10.00")  # an amount, by the file that comes again
_IMPOSSIBLE_DAY, _IMPOSSIBLE_MOMENT = "31.02.2026", "31/02/2026 10:15"


def spoil(fault: str, layout: Layout, rows: list[Row], bits: int) -> tuple[Sheet, str] | None:
    """The sheet with the fault, and a sentence that says where. None where there is no row for it to strike."""
    if fault not in _WAYS or not rows:
        return None
    return _WAYS[fault](layout, rows, bits)


def _bad_cell(layout: Layout, rows: list[Row], bits: int) -> tuple[Sheet, str]:
    """A word in a cell of money, or a day that no calendar has."""
    if bits % 2:
        column, value = layout.amounts[-1], layout.word
    else:
        column = layout.moment
        value = _IMPOSSIBLE_MOMENT if isinstance(rows[0][column], datetime) else _IMPOSSIBLE_DAY
    index, place = bits // 2 % len(rows), list(layout.headers).index(column)
    sheet = lay_out(layout, rows)
    where = f"row {sheet.row_number(index)}, column {layout.headers[column]!r}"
    return sheet.with_cell(index, place, value), f"{where}: {value!r}"


def _resend(layout: Layout, rows: list[Row], bits: int) -> tuple[Sheet, str]:
    """The file before its correction: one amount is wrong, and what the file derives from it agrees with it."""
    index = bits % len(rows)
    column = layout.amounts[0]
    wrong = dict(rows[index])
    wrong[column] = _plus(wrong[column], _CORRECTED_BY)
    if column != layout.amounts[-1]:  # a deduction: the net amount follows
        wrong[layout.amounts[-1]] = _plus(wrong[layout.amounts[-1]], -_CORRECTED_BY)
    sheet = lay_out(layout, [*rows[:index], wrong, *rows[index + 1 :]])
    where = f"row {sheet.row_number(index)}, column {layout.headers[column]!r}"
    return sheet, f"{where}: {_CORRECTED_BY} too much until it comes again"


def _total_wrong(layout: Layout, rows: list[Row], _: int) -> tuple[Sheet, str]:
    sheet = lay_out(layout, rows)
    column = layout.amounts[-1]
    place = list(layout.headers).index(column)
    total: list[Cell] = list(sheet.total or [])
    total[place] = cell(layout, summed(rows, column) + _WRONG_BY)
    return replace(sheet, total=total), f"the total of {layout.headers[column]!r} is {_WRONG_BY} too high"


def _renamed_header(layout: Layout, rows: list[Row], _: int) -> tuple[Sheet, str]:
    column, header = layout.renamed
    sheet = lay_out(replace(layout, headers={**layout.headers, column: header}), rows)
    return sheet, f"column {layout.headers[column]!r} is called {header!r}"


def _header_lower(layout: Layout, rows: list[Row], _: int) -> tuple[Sheet, str]:
    sheet = lay_out(layout, rows)
    return replace(sheet, headers=[header.lower() for header in sheet.headers]), "all headers are in lower case"


def _extra_column(layout: Layout, rows: list[Row], bits: int) -> tuple[Sheet, str]:
    sheet = lay_out(layout, rows)
    remark = bits % len(rows)
    body = [[*row, "ok" if index == remark else None] for index, row in enumerate(sheet.body)]
    return replace(sheet, headers=[*sheet.headers, layout.extra], body=body), f"one more column, {layout.extra!r}"


def _duplicate_row(layout: Layout, rows: list[Row], bits: int) -> tuple[Sheet, str]:
    """A row twice; a total still counts it once."""
    sheet = lay_out(layout, rows)
    index = bits % len(rows)
    body = [*sheet.body[: index + 1], *sheet.body[index:]]
    return replace(sheet, body=body), f"row {sheet.row_number(index)} comes again in the row below it"


def _plus(value: object, amount: Decimal) -> Decimal:
    if not isinstance(value, Decimal):
        raise TypeError(f"{value!r} is no amount")
    return value + amount


_WAYS: dict[str, Callable[[Layout, list[Row], int], tuple[Sheet, str]]] = {
    "total_wrong": _total_wrong,
    "bad_cell": _bad_cell,
    "resend": _resend,
    "renamed_header": _renamed_header,
    "header_lower": _header_lower,
    "extra_column": _extra_column,
    "duplicate_row": _duplicate_row,
}
