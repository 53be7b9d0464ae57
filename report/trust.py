"""Whether the figures can be trusted, in one verdict, and the rows that show why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from medallion.wording import age_of, counted
from report import words

if TYPE_CHECKING:
    from datetime import datetime

    from report.pipeline import Check, Pipeline

_LASTS = timedelta(days=1)  # at the latest, the nightly check makes the next one
# What a check's status means to a reader, and its color.
_MEANING = {
    "BALANCED": ("equal", "good"),
    "ACCEPTED": ("accepted", "good"),
    "EXPLAINED": ("explained", "good"),
    "LATE": ("late", "good"),
    "UNCHECKED": ("not checked", "unknown"),
    "DIFFERENT": ("different", "bad"),
}
_GOLD_IS_BEHIND = ("Gold behind", "unknown")


@dataclass(frozen=True)
class Verdict:
    """The verdict in a sentence. `mark` is good, bad or unknown."""

    mark: str
    words: str


@dataclass(frozen=True)
class CheckRow:
    """A row of the table of layers: counts at source, in Bronze, Silver and Gold, a dash for what is not counted."""

    what: str
    scope: str
    counts: tuple[str, str, str, str]
    verdict: str
    mark: str
    difference: str = ""


@dataclass(frozen=True)
class Facts:
    """What the verdict rests on.

    `statuses` are those of the last check of each dataset, `lines_behind` what Gold had not taken by then, `checked_at`
    when the newest of them was made. `differences` are checks whose difference is still open.
    """

    statuses: frozenset[str]
    checked_at: datetime | None
    lines_behind: int
    differences: int
    incidents: int
    has_failed: bool
    has_unchecked: bool
    has_stale_nightly: bool
    open_records: int
    has_figures: bool = True


def judge(pipeline: Pipeline, now: datetime, *, has_figures: bool = True) -> Verdict:
    """The verdict over all checks of the page."""
    facts = Facts(
        statuses=frozenset(check.status for check in pipeline.checks),
        checked_at=max((check.checked_at for check in pipeline.checks), default=None),
        lines_behind=sum(_lines_behind(check) for check in pipeline.checks),
        differences=len(pipeline.differences),
        incidents=len(pipeline.incidents),
        has_failed=bool(pipeline.runs) and pipeline.runs[0].has_failed,
        has_unchecked=pipeline.has_unchecked,
        has_stale_nightly=pipeline.has_stale_nightly,
        open_records=pipeline.open_records,
        has_figures=has_figures,
    )
    return verdict_of(facts, now)


def verdict_of(facts: Facts, now: datetime) -> Verdict:
    """The verdict: an open problem comes first, then what no recent check has covered."""
    checked_at, behind = facts.checked_at or now, facts.lines_behind
    verdicts = (
        (facts.differences, "bad", f"{counted(facts.differences, 'check')} found a difference that is still open"),
        (facts.incidents, "bad", f"{counted(facts.incidents, 'incident')} open"),
        (facts.has_failed, "bad", "the last run failed: these are the figures of the run before it"),
        (not facts.statuses, "unknown", "not checked against the source yet"),
        ("UNCHECKED" in facts.statuses, "unknown", "the source gives no totals to check against"),
        (facts.has_unchecked, "unknown", "the last rows are not checked against the source yet"),
        (now - checked_at > _LASTS, "unknown", f"last checked against the source {age_of(checked_at, now)}"),
        (not facts.has_figures, "unknown", "there are no figures yet"),
        (facts.has_stale_nightly, "unknown", "the nightly tables failed: they show an earlier day, or nothing"),
        (behind, "unknown", f"source = Bronze = Silver; Gold was {counted(behind, 'line')} behind at the last check"),
        (facts.open_records, "good", f"checked; {counted(facts.open_records, 'record')} in quarantine"),
        (facts.statuses == {"BALANCED"}, "good", "source = Bronze = Silver = Gold"),
    )
    found = (Verdict(mark, text) for holds, mark, text in verdicts if holds)
    return next(found, Verdict("good", "checked; every difference is explained"))


def rows_of_checks(pipeline: Pipeline) -> list[CheckRow]:
    """Everything compared since the last check of all sales, then the last check of each dataset."""
    return [*_checked_sales(pipeline), *(_row(check) for check in pipeline.checks)]


def _checked_sales(pipeline: Pipeline) -> list[CheckRow]:
    found = pipeline.checked
    if found is None:
        return []
    verdict, mark = ("equal", "good") if found.is_equal else ("explained", "good")
    if found.is_equal and found.lines[3] != found.lines[2]:
        verdict, mark = _GOLD_IS_BEHIND
    scope = f"all up to sale {found.up_to_id:,}"
    amounts = ["–" if one is None else f"{one:,.2f}" for one in found.net_amounts]
    return [
        CheckRow("Sales", scope, _cells(*found.sales, None), verdict, mark),
        CheckRow("Lines of sales", scope, _cells(*found.lines), verdict, mark),
        CheckRow("Control sum", scope, (amounts[0], "–", amounts[1], amounts[2]), verdict, mark),
    ]


def _row(check: Check) -> CheckRow:
    verdict, mark = _MEANING.get(check.status, (check.status.lower(), "unknown"))
    if check.status == "BALANCED" and _lines_behind(check):
        verdict, mark = _GOLD_IS_BEHIND
    is_by_id = check.updated_up_to is None
    bronze = check.bronze_count if is_by_id else None
    scope = f"sales {check.after_id + 1:,} to {check.up_to_id:,}" if is_by_id else _changed(check)
    cells = _cells(check.source_count, bronze, check.silver_count, check.gold_count)
    return CheckRow(_name(check.dataset), scope, cells, verdict, mark, _why(check))


def _lines_behind(check: Check) -> int:
    """How many lines of Silver Gold had not taken at the check, which may come between two builds."""
    return abs(check.silver_count - check.gold_count) if check.gold_count is not None else 0


def _changed(check: Check) -> str:
    return f"changed since {words.at(check.updated_after)}" if check.updated_after else "all"


def _why(check: Check) -> str:
    """The difference, and what explains it."""
    counted = (("in quarantine", check.rejected_count), ("late", check.late_count), ("accepted", check.accepted_count))
    parts = [f"{number:,} {name}" for name, number in counted if number]
    return "; ".join([*parts, *([check.difference] if check.difference else [])])


def _cells(source: int | None, bronze: int | None, silver: int | None, gold: int | None) -> tuple[str, str, str, str]:
    one, two, three, four = ("–" if count is None else f"{count:,}" for count in (source, bronze, silver, gold))
    return one, two, three, four


def _name(dataset: str) -> str:
    return {"sales_customer": "Last check: sales", "sales_product": "Last check: lines"}.get(
        dataset, f"Last check: {dataset}"
    )
