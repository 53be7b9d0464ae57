"""Anything unusual: the KPIs that are not where their own past says, what that comes to, and until when was judged."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from medallion.metrics import metrics
from medallion.statements import Statements
from medallion.wording import counted
from report import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from psycopg2.extensions import connection

_SQL = Statements(__file__)
_LASTS = timedelta(days=7)  # after its end an anomaly is shown for so long
_MOST = 10
_SAID = {"fault": "a fault", "ok": "nothing was wrong"}


@dataclass(frozen=True)
class Unusual:
    """An anomaly, with the last verdict on it. `effect` is a share of what was expected, `amount` about the money."""

    anomaly_id: int
    currency: str
    level: str
    member: str
    metric: str
    started_at: datetime
    ended_at: datetime
    status: str
    effect: Decimal
    amount: Decimal
    explanation: str
    suppressed_because: str | None
    verdict: str | None
    note: str | None

    @property
    def waits(self) -> bool:
        """Whether it is open and waits for a verdict."""
        return self.status == "open" and self.verdict is None

    def shares_sales_with(self, other: Unusual) -> bool:
        """Whether both may be about the same sales, as a store and a category are; two stores are not."""
        return (
            (self.currency, self.amount < 0) == (other.currency, other.amount < 0)
            and (self.level != other.level or self.member == other.member)
            and self.started_at < other.ended_at
            and other.started_at < self.ended_at
        )


@dataclass(frozen=True)
class Judged:
    """Until when a grain was judged, and the same in the words of the judgement."""

    grain: str
    until: datetime | None
    says: str


@dataclass(frozen=True)
class Anomalies:
    """What the block shows. `judged` is empty before the first judgement; `is_there`: the warehouse has the tables."""

    found: tuple[Unusual, ...] = ()
    judged: tuple[Judged, ...] = ()
    is_there: bool = True


def read_anomalies(conn: connection, now: datetime) -> Anomalies:
    """The anomalies that are open at `now`, and those of the week before."""
    if not _SQL.one(conn, "is_there")[0]:
        return Anomalies(is_there=False)
    found = _SQL.rows(conn, "anomalies", {"now": now, "since": now - _LASTS})
    judged = _SQL.rows(conn, "judgements")
    return Anomalies(tuple(Unusual(*row) for row in found), tuple(Judged(*row) for row in judged))


def show_anomalies(anomalies: Anomalies) -> dict[str, Any]:
    """What the block about anomalies shows: an answer, a row for each anomaly, and until when was judged."""
    if not anomalies.is_there:
        return _nothing("The warehouse has no table of anomalies yet: ./retail schema makes it.")
    if not anomalies.judged:
        return _nothing("Nothing was judged yet: the next hourly run does it, or ./retail run.")
    judged, found = _until(anomalies.judged), anomalies.found
    rest = len(found) - _MOST
    return {
        "answer": _answer(found, anomalies.judged),
        "mark": "bad" if any(one.waits for one in found) else "",
        "rows": [_row(one) for one in found[:_MOST]],
        "rest": f"{rest} more: ./retail anomalies lists them." if rest > 0 else "",
        "note": f"{judged[0].upper()}{judged[1:]}." if found else "",
    }


def _nothing(answer: str) -> dict[str, Any]:
    return {"answer": answer, "mark": "", "rows": [], "rest": "", "note": ""}


def _answer(found: Sequence[Unusual], judged: Sequence[Judged]) -> str:
    """The block in a sentence: what waits for a person, else what is over, else until when there was nothing."""
    waiting = [one for one in found if one.waits]
    if waiting:
        return f"{counted(len(waiting), 'anomaly is', 'anomalies are')} open: {_money_of(waiting)}."
    if not found:
        is_learning = all(one.until is None for one in judged)
        return f"{'Nothing was judged yet' if is_learning else 'Nothing unusual'}: {_until(judged)}."
    return f"Nothing is open that waits for a verdict. Of the last 7 days: {_counts(found)}."


def _counts(found: Sequence[Unusual]) -> str:
    """How many are over, known, or not judged."""
    known = sum(one.status == "open" for one in found)
    ended = sum(one.status == "ended" for one in found)
    doubtful = sum(one.status == "suppressed" for one in found)
    parts = ((known, "open with a verdict"), (ended, "ended"), (doubtful, "not judged"))
    return ", ".join(f"{number} {name}" for number, name in parts if number)


def _money_of(waiting: Iterable[Unusual]) -> str:
    """What they come to by currency, less and more apart. Of those that may share sales the largest counts."""
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    ranked = sorted(waiting, key=lambda one: (-abs(one.amount), -one.anomaly_id))
    for place, one in enumerate(ranked):
        if not any(one.shares_sales_with(larger) for larger in ranked[:place]):
            sums[one.currency, "less" if one.amount < 0 else "more"] += abs(one.amount)
    parts = [f"{words.money(amount, currency)} {way}" for (currency, way), amount in sorted(sums.items())]
    return f"about {' and '.join(parts)} than expected"


def _until(judged: Iterable[Judged]) -> str:
    """Until when each grain was judged, in words; what a failed judgement says comes after them."""
    parts, troubles = [], dict[str, None]()
    for one in judged:
        if one.says.startswith("not judged"):
            troubles[one.says] = None
        parts += [f"{one.grain}s judged until {words.at(one.until)}"] if one.until else []
        parts += [one.says] if one.until is None and one.says not in troubles else []
    return ", ".join(parts + [f"but now {one}" if parts else one for one in troubles])


def _row(one: Unusual) -> dict[str, Any]:
    """A row of the table, and the sentence under it."""
    way = "less" if one.amount < 0 else "more"
    verdict = _SAID.get(one.verdict or "", "")
    return {
        "id": one.anomaly_id,
        "since": words.at(one.started_at),
        "what": f"{_label(one.metric)}, {'all sales' if one.level == 'total' else f'{one.level} {one.member}'}",
        "effect": f"{'−' if one.effect < 0 else '+'}{abs(one.effect):.0%}",
        "amount": f"{words.money(abs(one.amount), one.currency)} {way}",
        "status": "not judged" if one.status == "suppressed" else one.status,
        "until": words.at(one.ended_at) if one.status == "ended" else "",
        "mark": "bad" if one.waits else "",
        "explanation": one.explanation,
        "why": f"Not judged: {one.suppressed_because}." if one.suppressed_because else "",
        "verdict": f"Verdict: {verdict}{f', {one.note}' if one.note else ''}." if verdict else "",
    }


def _label(metric: str) -> str:
    return metrics()[metric].label if metric in metrics() else metric.replace("_", " ").capitalize()
