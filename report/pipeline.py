"""What the page shows of the pipeline, read from `meta`: checks, quarantine, freshness, runs, incidents."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medallion.statements import Statements

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from decimal import Decimal

    from psycopg2.extensions import connection

_SQL = Statements(__file__)
_BAD = {"WARN", "FAIL", "ERROR"}
_MOST_FINDINGS = 20


@dataclass(frozen=True)
class Check:
    """The last check of a dataset against the source: a range of ids or, with `updated_up_to`, of changes by time.

    A layer that this check does not count is None.
    """

    dataset: str
    status: str
    difference: str | None
    checked_at: datetime
    after_id: int
    up_to_id: int
    updated_after: datetime | None
    updated_up_to: datetime | None
    source_count: int | None
    bronze_count: int | None
    silver_count: int
    gold_count: int | None
    rejected_count: int
    late_count: int
    accepted_count: int
    source_net_amount: Decimal | None
    silver_net_amount: Decimal | None
    gold_net_amount: Decimal | None


@dataclass(frozen=True)
class SalesChecked:
    """What all checks since the last complete one have compared, from the first sale to `up_to_id`.

    Counts are sales at source, in Bronze and Silver, then lines there and in Gold; amounts are net. None: the source
    gives no totals.
    """

    up_to_id: int
    sales: tuple[int | None, int, int]
    lines: tuple[int | None, int, int, int | None]
    net_amounts: tuple[Decimal | None, Decimal | None, Decimal | None]
    is_equal: bool


@dataclass(frozen=True)
class Difference:
    """A difference that no later check has resolved."""

    dataset: str
    status: str
    difference: str
    checked_at: datetime


@dataclass(frozen=True)
class Reason:
    """Open records in quarantine that share dataset and reason. `example` is the id of one of them."""

    dataset: str
    reason: str
    field: str | None
    records: int
    first_seen_at: datetime
    example: int


@dataclass(frozen=True)
class Incident:
    """An open incident."""

    entity: str
    task_id: str
    opened_at: datetime
    times: int
    cause: str
    remedy: str


@dataclass(frozen=True)
class Run:
    """A run. `records` is what it read from the source."""

    run_id: str
    started_at: datetime
    seconds: float
    has_failed: bool
    records: int


@dataclass(frozen=True)
class StepTime:
    """How long a step of a run took, in seconds."""

    layer: str
    dataset: str
    status: str
    seconds: float
    rows: int


@dataclass(frozen=True)
class Results:
    """How many models, tests or audits the last build of Gold had, and how many of them passed."""

    kind: str
    all: int
    passed: int


@dataclass(frozen=True)
class Finding:
    """What the last build of Gold has found of a model, by a test or in an audit. `model` is the one it belongs to."""

    kind: str
    name: str
    model: str | None
    status: str
    message: str | None


@dataclass(frozen=True)
class Pipeline:
    """All that the page shows of the pipeline. `runs` are the last ones, newest first, `steps` those of the newest.

    `freshness` holds, for each dataset, when Silver last changed; None for never. `has_unchecked`: Silver has changed
    since the last check. `has_stale_nightly`: the nightly tables have failed and were not built since.
    """

    checks: tuple[Check, ...]
    checked: SalesChecked | None
    differences: tuple[Difference, ...]
    quarantine: tuple[Reason, ...]
    open_records: int
    closed_records: int
    open_gap_ids: int
    expired_gap_ids: int
    incidents: tuple[Incident, ...]
    freshness: dict[str, datetime | None]
    runs: tuple[Run, ...]
    steps: tuple[StepTime, ...]
    has_unchecked: bool = False
    has_stale_nightly: bool = False
    results: tuple[Results, ...] = ()
    findings: tuple[Finding, ...] = ()


def read_pipeline(conn: connection, now: datetime) -> Pipeline:
    """Read the state of the pipeline. The transaction is the caller's."""
    runs = tuple(Run(*row) for row in _SQL.rows(conn, "runs"))
    steps = _SQL.rows(conn, "steps", {"run_id": runs[0].run_id, "now": now}) if runs else []
    open_records, closed_records = _SQL.one(conn, "resolved")
    open_ids, expired_ids = _SQL.one(conn, "gaps")
    last_build = [Finding(*row) for row in _SQL.rows(conn, "last_build")]
    return Pipeline(
        checks=tuple(Check(*row) for row in _SQL.rows(conn, "last_checks")),
        checked=read_checked(conn),
        differences=tuple(Difference(*row) for row in _SQL.rows(conn, "open_differences")),
        quarantine=tuple(Reason(*row) for row in _SQL.rows(conn, "quarantine")),
        open_records=open_records,
        closed_records=closed_records,
        open_gap_ids=open_ids,
        expired_gap_ids=expired_ids,
        incidents=tuple(Incident(*row) for row in _SQL.rows(conn, "incidents")),
        freshness=dict(_SQL.rows(conn, "freshness")),
        runs=runs,
        steps=tuple(StepTime(*row) for row in steps),
        has_unchecked=_SQL.one(conn, "unchecked")[0],
        has_stale_nightly=_SQL.one(conn, "stale_nightly")[0],
        results=_results(last_build),
        findings=tuple(one for one in last_build if one.status in _BAD)[:_MOST_FINDINGS],
    )


def _results(found: Sequence[Finding]) -> tuple[Results, ...]:
    counts = Counter(one.kind for one in found)
    passed = Counter(one.kind for one in found if one.status == "PASS")
    return tuple(Results(kind, counts[kind], passed[kind]) for kind in sorted(counts))


def read_checked(conn: connection) -> SalesChecked | None:
    """Read what the checks of sales have compared without a gap; None before the first check."""
    return join_checks(_SQL.rows(conn, "settled_sales"))


def join_checks(rows: list[tuple[object, ...]]) -> SalesChecked | None:
    """The sum of checks of adjacent ranges of sale ids, from id 0 on; None when none begins there.

    A row is `after_id, up_to_id, status` and the ten figures of a check. A range that begins before the end of what
    is joined is skipped: its sales are counted already.
    """
    end, is_equal, sums = 0, True, None
    for after_id, up_to_id, status, *figures in rows:
        if after_id != end:
            continue
        sums = figures if sums is None else [_plus(one, other) for one, other in zip(sums, figures, strict=True)]
        end = up_to_id  # type: ignore[assignment]
        is_equal = is_equal and status == "BALANCED"
    if sums is None:
        return None
    return SalesChecked(end, tuple(sums[:3]), tuple(sums[3:7]), tuple(sums[7:]), is_equal)  # type: ignore[arg-type]


def _plus(one: object, other: object) -> object:
    """The sum, unknown if one of the two is."""
    return None if one is None or other is None else one + other  # type: ignore[operator]
