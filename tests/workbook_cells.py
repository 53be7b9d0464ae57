"""Workbooks as a reader finds them: cells by two libraries, and a sheet's rows by their headers."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import openpyxl
from python_calamine import CalamineWorkbook

from backend.workbooks.files import Report


def calamine_rows(content: bytes) -> list[list[Any]]:
    return CalamineWorkbook.from_filelike(BytesIO(content)).get_sheet_by_index(0).to_python()


def openpyxl_rows(content: bytes) -> list[list[Any]]:
    return [list(row) for row in openpyxl.load_workbook(BytesIO(content)).worksheets[0].iter_rows(values_only=True)]


# What stands around the rows of a domain: lines above, with the headers, and below.
AROUND = {"top_up": (1, 0), "pre_deduction": (3, 1), "post_deduction": (1, 1), "op_stats": (1, 0)}


def body(report: Report) -> list[list[Any]]:
    """The rows between headers and total."""
    above, below = AROUND[report.domain]
    rows = openpyxl_rows(report.content)
    return rows[above : len(rows) - below]


def headers(report: Report) -> list[Any]:
    return openpyxl_rows(report.content)[AROUND[report.domain][0] - 1]
