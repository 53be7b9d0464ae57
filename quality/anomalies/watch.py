"""The step that judges the KPIs after the marts: what has closed since the last time, and the three days before it.

Late lines change figures that were judged already. So the last days are judged again, and an anomaly that late lines
explain is gone. The step fails no run, unless `ANOMALIES_FAIL_RUN` asks for it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from medallion.database import transaction
from medallion.errors import AnomaliesFound, NothingToDo
from medallion.redaction import without_secrets
from medallion.wording import counted, minute_of
from quality.anomalies.baseline import METHODS, SLOW
from quality.anomalies.circumstances import names_of_stores, read_calendar, read_circumstances
from quality.anomalies.describing import Describer
from quality.anomalies.episodes import CATEGORY_LEVELS, REST, STORE_LEVELS, Episode, days_needed, judge_span, past_of
from quality.anomalies.findings import AGAIN
from quality.anomalies.judging import PAST
from quality.anomalies.kpis import of_categories, watched
from quality.anomalies.panel import STEP
from quality.anomalies.reading import read_categories, read_panel
from quality.anomalies.store import (
    Judgement,
    note_failure,
    read_anomalies,
    read_judgements,
    replace_anomalies,
    write_judgement,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from psycopg2.extensions import connection

    from medallion.settings import Settings
    from quality.anomalies.calendar import Calendar
    from quality.anomalies.circumstances import Circumstances
    from quality.anomalies.describing import Described
    from quality.anomalies.kpis import Kpi
    from quality.anomalies.panel import Grain, Panel
    from quality.anomalies.store import Anomaly, Recorded

_AGAIN = timedelta(days=AGAIN)  # what was judged is judged again for so long
FIRST = timedelta(days=28)  # of history that the first judgement looks at, and the most that a later one makes up for
_DAY = timedelta(days=1)
_KNOWN_FOR = timedelta(days=200)  # episodes that ended longer ago train nothing any more

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Judged:
    """What a judgement has found. `says`: until when each grain was judged. Of the open ones, `new` were unknown."""

    says: tuple[str, ...]
    open: tuple[Anomaly, ...] = ()
    new: tuple[Anomaly, ...] = ()

    def summary(self) -> str:
        """One line for a person."""
        found = f"{counted(len(self.open), 'open anomaly', 'open anomalies')}, {len(self.new)} new"
        return f"{'; '.join(self.says)}; {found}"


@dataclass(frozen=True)
class Watch:
    """What a judgement needs. `until`: the end of the last closed point of each grain. `since`: where it begins."""

    circumstances: Circumstances
    calendar: Calendar
    names: Mapping[str, str]
    known: Sequence[Recorded]
    judgements: Mapping[str, Judgement]
    until: Mapping[Grain, datetime]
    since: datetime

    def is_due(self, grain: Grain) -> bool:
        """Whether a grain has enough history and something to look at. Hours always have.

        Days have a day that was not judged, or an anomaly that late lines may change.
        """
        if self.history < days_needed(grain):
            return False
        last = self.judgements[grain].until if grain in self.judgements else None
        is_new = last is None or last < self.until[grain]
        return grain == "hour" or is_new or any(one.anomaly.ended_at > self.since for one in self.known)

    @property
    def history(self) -> int:
        """Days with sales so far."""
        first = self.circumstances.first_sale
        return max((self.until["hour"] - first).days, 0) if first else 0

    def episodes(self) -> list[Episode]:
        """What was known before the first point that is judged again."""
        return [_episode(one, self.since) for one in self.known if one.anomaly.started_at < self.since]

    def says(self, grain: Grain) -> str:
        """Until when the grain is judged, in words."""
        if self.history < days_needed(grain):
            return f"{grain}s: learning, {self.history} of {days_needed(grain)} days"
        return f"{grain}s: judged until {minute_of(self.until[grain])}"


def watch_kpis(conn: connection, settings: Settings, *, run_id: str, now: datetime) -> Judged:
    """Judge the hours and days that have closed by `now`, as a step that fails no run that does not ask for it.

    What goes wrong is logged, and noted where people look for anomalies. Raises NothingToDo before there are sales, and
    if `ANOMALIES_FAIL_RUN` is set whatever `judge_kpis` raises.
    """
    try:
        return judge_kpis(conn, settings, run_id=run_id, now=now)
    except NothingToDo:
        raise
    except Exception as error:
        if settings.anomalies_fail_run:
            raise
        _log.exception("the KPIs were not judged; the run continues")
        says = f"not judged: {without_secrets(str(error), settings).partition(chr(10))[0]}"
        with transaction(conn):
            note_failure(conn, says, run_id)
        return Judged((says,))


def judge_kpis(conn: connection, settings: Settings, *, run_id: str, now: datetime) -> Judged:
    """Judge the hours and days that have closed by `now`.

    Raises NothingToDo before there are sales to judge, and AnomaliesFound if `ANOMALIES_FAIL_RUN` is set and an open
    anomaly is new.
    """
    watch = _watch(conn, now)
    if watch is None:
        raise NothingToDo("no KPI can be judged yet", remedy="nothing to do until an hourly run has brought sales")
    found = _found(conn, watch, settings, run_id)
    with transaction(conn):
        replace_anomalies(conn, watch.since, found)
        for grain, until in watch.until.items():
            is_known = watch.history >= days_needed(grain)
            write_judgement(conn, Judgement(grain, until if is_known else None, watch.says(grain)), run_id)
    judged = _judged(watch, found)
    _log.info("anomalies: %s", judged.summary())
    if judged.new and settings.anomalies_fail_run:
        raise AnomaliesFound(explanations=[one.explanation for one in judged.new])
    return judged


def _watch(conn: connection, now: datetime) -> Watch | None:
    circumstances = read_circumstances(conn, now, now - FIRST - _AGAIN)
    if circumstances is None or circumstances.pulled_until is None or circumstances.first_sale is None:
        return None
    hour = _floor(min(now, circumstances.pulled_until), STEP["hour"])
    with transaction(conn):
        judgements = read_judgements(conn)
        known = read_anomalies(conn, hour - _KNOWN_FOR)
    last = judgements["hour"].until if "hour" in judgements else None
    since = hour - FIRST if last is None else max(min(last, hour) - _AGAIN, hour - FIRST)
    return Watch(
        circumstances,
        read_calendar(conn, (hour - 2 * _KNOWN_FOR).date()),
        names_of_stores(conn),
        known,
        judgements,
        {"hour": hour, "day": _floor(hour, _DAY)},
        _floor(since, _DAY),
    )


def _found(conn: connection, watch: Watch, settings: Settings, run_id: str) -> list[Anomaly]:
    """The anomalies that had not ended by `watch.since`."""
    episodes, describers = watch.episodes(), dict[str, Describer]()
    for name, grain, kpis in _judged_kpis():
        if not watch.is_due(grain) or watch.since >= watch.until[grain]:
            continue
        panel = _panel(conn, watch, name, grain, kpis)
        if not panel.slices:
            continue
        begins = (watch.since - panel.begins) // STEP[grain]
        levels = CATEGORY_LEVELS if name == "category" else STORE_LEVELS
        episodes = judge_span(panel, kpis, watch.calendar, episodes, begins, levels)
        past = past_of(episodes, panel, watch.calendar)
        describers[name] = Describer.of(panel, kpis, past, max(0, begins - PAST[grain]), watch.names)
    found = [_described(one, describers, watch, settings, run_id) for one in episodes if one.until > watch.since]
    return list({_key(one): one for one in found if one is not None}.values())


def _judged_kpis() -> list[tuple[str, Grain, Sequence[Kpi]]]:
    """What is judged one after the other: a name, the grain, the KPIs."""
    kpis = watched()
    return [
        ("hour", "hour", kpis["hour"]),
        ("day", "day", kpis["day"]),
        ("category", "day", of_categories(kpis["day"])),
    ]


def _panel(conn: connection, watch: Watch, name: str, grain: Grain, kpis: Sequence[Kpi]) -> Panel:
    until, method = watch.until[grain], METHODS[grain]
    days = method.reaches + PAST[grain] // method.day + 1
    if grain == "day":
        days = max(days, SLOW.reaches + PAST[grain])
    points = (until - watch.since + days * _DAY) // STEP[grain]
    with transaction(conn):
        if name == "category":
            return read_categories(conn, kpis, until, points)
        return read_panel(conn, grain, kpis, until, points)


def _described(
    episode: Episode, describers: Mapping[str, Describer], watch: Watch, settings: Settings, run_id: str
) -> Anomaly | None:
    """The row of an episode; None where it isn't reported."""
    describer = describers.get("category" if episode.of.level == "category" else episode.grain)
    figures = describer.figures(episode) if describer and episode.of in describer.panel.slices else None
    if describer is None or figures is None or not _is_reported(episode, figures, settings):
        return None
    because = watch.circumstances.reason(episode.since, episode.until, -figures.sales)
    ended = episode.until <= watch.until["hour"] - REST
    status = "suppressed" if because else "ended" if ended else "open"
    return describer.anomaly(episode, figures, status, because, run_id)


def _is_reported(episode: Episode, figures: Described, settings: Settings) -> bool:
    """Whether it comes to enough money, and over its whole time still goes where its windows went."""
    return abs(figures.amount) >= settings.anomaly_least_amount and figures.effect * episode.direction > 0


def _judged(watch: Watch, found: Sequence[Anomaly]) -> Judged:
    usual = {_key(one.anomaly) for one in watch.known if one.verdict == "ok"}
    known = {_key(one.anomaly) for one in watch.known if one.anomaly.status == "open"}
    is_open = tuple(one for one in found if one.status == "open" and _key(one) not in usual)
    new = tuple(one for one in is_open if _key(one) not in known)
    return Judged(tuple(watch.says(grain) for grain in watch.until), is_open, new)


def _key(one: Anomaly) -> tuple[object, ...]:
    """What an anomaly is known by: late lines may move its first hour, and not its day."""
    return (one.started_at.date(), one.of, one.direction)


def _episode(one: Recorded, until: datetime) -> Episode:
    """A row as an episode, as far as it was known by that moment."""
    row = one.anomaly
    return Episode(
        row.of,
        1 if row.direction == "above" else -1,
        row.started_at,
        min(row.ended_at, until),
        row.grain,
        row.metric,
        float(row.score),
        float(row.upper_bound / row.expected) if row.expected > 0 else 2.0,
        frozenset({row.metric, *filter(None, row.other_metrics.split(", "))}),
        row.started_at,
        is_usual=one.verdict == "ok",
    )


def _floor(moment: datetime, step: timedelta) -> datetime:
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (moment - midnight) // step * step
