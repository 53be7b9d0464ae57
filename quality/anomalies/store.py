"""`gold.kpi_anomaly`, and until when the KPIs were judged (`meta.kpi_judgement`)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime  # noqa: TC003 - msgspec reads the types at run time
from decimal import Decimal  # noqa: TC003 - likewise
from typing import TYPE_CHECKING

from psycopg2.extras import execute_values

from medallion.statements import Statements
from quality.anomalies.panel import Grain, Slice

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from psycopg2.extensions import connection


_SQL = Statements(__file__)
_COLUMNS = (
    *("currency", "level", "member", "direction", "started_at", "ended_at", "status", "grain", "metric"),
    *("other_metrics", "observed", "expected", "lower_bound", "upper_bound", "effect", "amount", "score"),
    *("explanation", "suppressed_because", "run_id"),
)


@dataclass(frozen=True)
class Anomaly:
    """A row of `gold.kpi_anomaly`. `effect` is a share of what was expected, `amount` money in the row's currency.

    `observed` and the bounds are those of `metric` over the whole time. `status`: open, ended, or suppressed while the
    pipeline is late or wrong, which `suppressed_because` says.
    """

    currency: str
    level: str
    member: str
    direction: str
    started_at: datetime
    ended_at: datetime
    status: str
    grain: Grain
    metric: str
    other_metrics: str
    observed: Decimal
    expected: Decimal
    lower_bound: Decimal
    upper_bound: Decimal
    effect: Decimal
    amount: Decimal
    score: Decimal
    explanation: str
    suppressed_because: str | None
    run_id: str

    @property
    def of(self) -> Slice:
        """The slice that it is about."""
        return Slice(self.currency, self.level, self.member)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Recorded:
    """An anomaly as people read it: with its id, and the last verdict on it, if there is one."""

    anomaly_id: int
    anomaly: Anomaly
    verdict: str | None
    note: str | None
    judged_at: datetime


@dataclass(frozen=True)
class Judgement:
    """Until when a grain was judged, and what was found in words; `until` is None before there is enough history."""

    grain: Grain
    until: datetime | None
    says: str


@dataclass(frozen=True)
class Listing:
    """Anomalies, until when each grain was judged, and how many of them have each verdict."""

    anomalies: list[Recorded]
    judged: list[Judgement]
    verdicts: dict[str, int]


def read_anomalies(conn: connection, since: datetime, anomaly_id: int | None = None) -> list[Recorded]:
    """The anomalies that had not ended by `since`, newest first; with an id, that one alone."""
    rows = _SQL.rows(conn, "anomalies", {"since": since, "anomaly_id": anomaly_id})
    return [Recorded(row[0], Anomaly(*row[4:]), row[1], row[2], row[3]) for row in rows]


def replace_anomalies(conn: connection, since: datetime, anomalies: Iterable[Anomaly]) -> None:
    """Write the anomalies in place of all that had not ended by `since`. An unchanged one keeps its id."""
    found = list(anomalies)
    keys = [(one.started_at, one.currency, one.level, one.member, one.direction) for one in found]
    columns = [list(column) for column in zip(*keys, strict=True)] or [[] for _ in range(5)]
    names = ("started_at", "currencies", "levels", "members", "directions")
    _SQL.execute(conn, "forget_anomalies", {"since": since, **dict(zip(names, columns, strict=True))})
    with conn.cursor() as cursor:
        rows = [tuple(getattr(one, name) for name in _COLUMNS) for one in found]
        execute_values(cursor, _SQL["add_anomalies"], rows)


def read_judgements(conn: connection) -> dict[str, Judgement]:
    """Until when each grain was judged; none before the first time."""
    return {row[0]: Judgement(*row) for row in _SQL.rows(conn, "judgements")}


def write_judgement(conn: connection, judgement: Judgement, run_id: str) -> None:
    """Note until when a grain was judged."""
    _SQL.execute(conn, "write_judgement", asdict(judgement) | {"run_id": run_id})


def note_failure(conn: connection, says: str, run_id: str) -> None:
    """Note that a judgement failed. Until when each grain was judged stays as it was."""
    for grain in ("hour", "day"):
        _SQL.execute(conn, "note_failure", {"grain": grain, "says": says, "run_id": run_id})


def give_verdict(conn: connection, recorded: Recorded, verdict: str, note: str, given_by: str) -> None:
    """Record what a person says of an anomaly. Earlier verdicts stay."""
    values = asdict(recorded.anomaly) | {"verdict": verdict, "note": note, "given_by": given_by}
    _SQL.execute(conn, "give_verdict", values)


def verdicts_since(conn: connection, since: datetime) -> Sequence[tuple[str, int]]:
    """How many anomalies that began since then have each verdict, by the last one given."""
    return [(verdict, count) for verdict, count in _SQL.rows(conn, "verdicts", {"since": since})]
