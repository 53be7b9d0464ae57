"""Who comes back: of the customers who first bought in a month, how many buy in each month after."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING, Any

from medallion.statements import Statements
from medallion.wording import counted
from report import words
from report.charts import Cell, retention_map
from report.nightly import NOT_THERE, as_of, built_for

if TYPE_CHECKING:
    from datetime import datetime

    from psycopg2.extensions import connection

    from report.sales import Sales

_SQL = Statements(__file__)
_COHORTS = 12


@dataclass(frozen=True)
class CohortMonth:
    """The customers of a cohort, and those who bought in a month after. `is_complete`: the month is over."""

    cohort: date
    number: int
    is_complete: bool
    customer_count: int
    active_count: int

    @property
    def share(self) -> Decimal:
        """Active customers as a share of the cohort."""
        return Decimal(self.active_count) / self.customer_count


@dataclass(frozen=True)
class Cohorts:
    """The last cohorts, oldest first, with the last day that is counted; None where the table does not exist."""

    as_of: date | None = None
    months: tuple[CohortMonth, ...] = ()


def read_cohorts(conn: connection) -> Cohorts:
    """The cohorts of the last twelve months."""
    last = built_for(conn, "mart_customer_cohorts")
    if last is None:
        return Cohorts()
    found = _SQL.rows(conn, "cohorts", {"since": _months_before(last, _COHORTS - 1)})
    return Cohorts(last, tuple(CohortMonth(*row) for row in found))


def show_cohorts(cohorts: Cohorts, sales: Sales, now: datetime) -> dict[str, Any]:
    """What the block about cohorts shows: an answer, and a map with a row for each cohort."""
    if cohorts.as_of is None:
        return {"empty": NOT_THERE, "as_of": ""}
    moment = as_of(cohorts.as_of, now)
    if not any(one.number for one in cohorts.months):
        why = "The history is too short: no customer has had a month yet in which to come back."
        return {"empty": why, "as_of": moment}
    lives = [list(months) for _, months in groupby(cohorts.months, key=lambda one: one.cohort)]
    return {
        "empty": "",
        "as_of": moment,
        "answer": _answer(cohorts),
        "first": _said_of_first(lives[0][0], sales),
        "wide": retention_map([_row(life, words.month) for life in lives], 1040, ("customers", "{}", "{}%")),
        "narrow": retention_map([_row(life, words.short_month) for life in lives], 342, ("", "{}", "{}")),
    }


def _months_before(day: date, count: int) -> date:
    """The first day of the month so many months before that of a day; the first of all where there is none."""
    number = max(day.year * 12 + day.month - 1 - count, 12)
    return date(number // 12, number % 12 + 1, 1)


def _answer(cohorts: Cohorts) -> str:
    """How many come back in the first and in the third month after that of the first purchase, where it is over."""
    parts = []
    for number, said in ((1, "in the month after their first purchase"), (3, "in the third month after it")):
        months = [one for one in cohorts.months if one.number == number and one.is_complete]
        if months:
            share = Decimal(sum(one.active_count for one in months)) / sum(one.customer_count for one in months)
            parts.append(f"{words.share(share)} buy again {said}")
    return f"Of new customers, {' and '.join(parts)}." if parts else ""


def _said_of_first(first: CohortMonth, sales: Sales) -> str:
    """A cohort of the month in which the history begins holds customers who are not new."""
    if first.cohort > sales.first_hour.date():
        return ""
    return f"The history begins in {words.month(first.cohort)}: its cohort holds all who had bought before."


def _row(life: list[CohortMonth], name: Any) -> tuple[str, str, list[Cell]]:
    """A cohort: its month, its customers, and a cell for each month after the first."""
    first = life[0]
    return name(first.cohort), words.number(first.customer_count), [_cell(one) for one in life if one.number]


def _cell(one: CohortMonth) -> Cell:
    far = f"{counted(one.number, 'month')} after {words.month(one.cohort)}"
    title = f"{far}{'' if one.is_complete else ', so far'}: {one.active_count:,} of {one.customer_count:,} bought"
    return Cell(float(one.share), title, is_open=not one.is_complete)
