"""Where the data stands, read from the warehouse: one statement each time, and what was known last while it is down."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal  # noqa: TC003 - msgspec reads the types at run time
from typing import TYPE_CHECKING, Any

import msgspec
import psycopg2.errors

from medallion.database import connect, transaction
from medallion.errors import DatabaseError
from medallion.process.steps import tables
from medallion.statements import Statements
from report.trust import Facts
from report.words import day_in_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg2.extensions import connection

_SQL = Statements(__file__)
APPLICATION = "retail portal"
_SECONDS = 5  # the server ends a statement that takes longer
_REVENUE_LASTS = timedelta(minutes=1)
_MART = ("gold", "mart_sales_by_hour")
_NO_TABLES = (psycopg2.errors.UndefinedTable, psycopg2.errors.InvalidSchemaName, psycopg2.errors.InsufficientPrivilege)


@dataclass(frozen=True)
class Run:
    """A run. It is running while one of its steps is; `records` is what it has read from the source."""

    run_id: str
    started_at: datetime
    ended_at: datetime | None
    is_running: bool
    has_failed: bool
    records: int

    def seconds(self, now: datetime) -> float:
        """How long it took, or has been running for."""
        until = now if self.is_running or self.ended_at is None else self.ended_at
        return max((until - self.started_at).total_seconds(), 0.0)


@dataclass(frozen=True)
class Check:
    """The last check of a dataset against the source."""

    dataset: str
    status: str
    checked_at: datetime
    lines_behind: int


@dataclass(frozen=True)
class Incident:
    """An open incident."""

    task_id: str
    opened_at: datetime
    cause: str
    remedy: str


@dataclass(frozen=True)
class Holding:
    """Records of a dataset in Bronze, or rows of a table as Postgres counts them."""

    layer: str
    name: str
    records: int


@dataclass(frozen=True)
class Standing:
    """Where the data stands. `last_run` may be running; `differences` holds the number of open ones by dataset."""

    last_run: Run | None
    last_ended_run: Run | None
    pulled_at: datetime | None
    newest_sale_at: datetime | None
    open_incidents: int
    has_unchecked: bool
    has_stale_nightly: bool
    open_records: int
    open_anomalies: int = 0
    watermarks: dict[str, datetime] | None = None
    incidents: tuple[Incident, ...] | None = None
    checks: tuple[Check, ...] | None = None
    differences: dict[str, int] | None = None
    holdings: tuple[Holding, ...] | None = None

    def has_mart(self) -> bool:
        """Whether Gold has the mart that the revenue is read from."""
        return any((one.layer, one.name) == _MART for one in self.holdings or ())

    def facts(self) -> Facts:
        """What the verdict of the report rests on."""
        checks = self.checks or ()
        return Facts(
            statuses=frozenset(one.status for one in checks),
            checked_at=max((one.checked_at for one in checks), default=None),
            lines_behind=sum(one.lines_behind for one in checks),
            differences=sum((self.differences or {}).values()),
            incidents=self.open_incidents,
            has_failed=self.last_ended_run is not None and self.last_ended_run.has_failed,
            has_unchecked=self.has_unchecked,
            has_stale_nightly=self.has_stale_nightly,
            open_records=self.open_records,
            has_figures=any((one.layer, one.name) == _MART and one.records for one in self.holdings or ()),
        )


@dataclass(frozen=True)
class Revenue:
    """What the last full day brought. `week_before`: the same weekday before; None where the history begins later."""

    day: date
    currency: str
    net_amount: Decimal
    week_before: Decimal | None

    def words(self) -> str:
        """The sentence of the report."""
        return day_in_words(self.day, self.net_amount, self.week_before, self.currency)


@dataclass(frozen=True)
class Known:
    """What is known of the warehouse. While `problem` is not empty, the rest is what it held at `read_at`."""

    standing: Standing | None = None
    read_at: datetime | None = None
    revenue: Revenue | None = None
    problem: str = ""
    remedy: str = ""
    answers: bool = False


class Reader:
    """Reads the warehouse and keeps what it has read last. It sends one statement at each `read`.

    The revenue, which changes once a day, takes the place of the rest once a minute.
    """

    def __init__(self, database_url: str, now: Callable[[], datetime]) -> None:
        self._database_url, self._now = database_url, now
        self._known = Known()
        self._revenue_due: datetime | None = None

    def read(self) -> Known:
        """What is known now. Raises nothing: what is wrong is part of the answer."""
        now = self._now()
        try:
            with connect(self._database_url, application_name=APPLICATION, statement_seconds=_SECONDS) as conn:
                conn.set_session(readonly=True)
                with transaction(conn):
                    self._known = self._read(conn, now)
        except DatabaseError as error:
            self._known = _with_problem(self._known, error)
        return self._known

    def _read(self, conn: connection, now: datetime) -> Known:
        is_fresh = self._known.standing is not None and not self._known.problem
        if is_fresh and self._known.standing.has_mart() and self._is_revenue_due(now):  # type: ignore[union-attr]
            self._revenue_due = now + _REVENUE_LASTS  # first: a statement that fails is not sent each second
            return replace(self._known, revenue=read_revenue(conn, now))
        return Known(read_standing(conn, now), now, self._known.revenue, answers=True)

    def _is_revenue_due(self, now: datetime) -> bool:
        return self._revenue_due is None or now >= self._revenue_due


def read_standing(conn: connection, now: datetime) -> Standing:
    """Where the data stands, by one statement. The transaction is the caller's."""
    names = [f"{layer}.{table}" for layer in ("silver", "gold") for table in tables(layer)]  # type: ignore[arg-type]
    found: Any = _SQL.one(conn, "standing", {"now": now, "tables": names})[0]
    return msgspec.convert(found, Standing, strict=False)


def read_revenue(conn: connection, now: datetime) -> Revenue | None:
    """What the last full day brought; None before Gold has a sale. The transaction is the caller's."""
    row = _SQL.first(conn, "revenue", {"now": now})
    return Revenue(*row) if row else None


def _with_problem(known: Known, error: DatabaseError) -> Known:
    """What was known before, and what is wrong now."""
    if isinstance(error.__cause__, _NO_TABLES):
        text = "the warehouse has no tables of this version yet: a start is making them, or ./retail schema does"
        return replace(known, problem=text, remedy="", answers=True)
    return replace(known, problem=error.message, remedy=error.remedy or "", answers=False)
