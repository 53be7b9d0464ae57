"""What a comparison found, as a table for a person and as JSON for a program."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from benchmarks.figures import GROUPS, PART_TITLES, outcomes, parts_of, rows_of, seconds_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.comparison import Measured
    from benchmarks.figures import Group, Row

_HEADINGS = ("median s", "min s", "max s", "cpu s", "sales/s", "by ours")


def as_data(measured: Measured) -> dict[str, Any]:
    """Everything, ready for JSON: seconds of every round, ratios, goals, the machine."""
    seconds = seconds_of(measured.timings)
    totals = measured.totals
    return {
        "measured_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": asdict(measured.machine),
        "source": {"sales": totals.sales, "lines": totals.lines, "net_amount": str(totals.net_amount)},
        "rounds": measured.rounds,
        "groups": [
            {
                "title": group.title,
                "reference": group.reference,
                "rows": [asdict(row) | {"seconds": seconds[row.name]} for row in rows],
            }
            for group in GROUPS
            if (rows := rows_of(group, measured.timings))
        ],
        "gold": {name: parts_of(measured.timings, name) for name in ("gold", "ctas") if name in measured.timings},
        "goals": [asdict(one) | {"reached": one.is_reached} for one in outcomes(seconds)],
        "skipped": measured.skipped,
    }


def as_text(measured: Measured) -> str:
    """The machine, one table per group, then the goals, then what was left out."""
    seconds, totals = seconds_of(measured.timings), measured.totals
    titles = measured.titles | PART_TITLES
    lines = [
        measured.machine.line(),
        f"{totals.sales:,} sales with {totals.lines:,} lines, {measured.rounds} rounds in turn",
    ]
    for group in GROUPS:
        lines += _table(group, rows_of(group, measured.timings), titles, totals.sales)
    lines += _gold(measured)
    lines.append("")
    lines += [
        f"{'reached' if one.is_reached else 'MISSED'}: {one.words}: {one.seen:.2f}"
        for one in outcomes(seconds)
        if one.seen is not None
    ]
    lines += [f"LEFT OUT: {name}: {why}" for name, why in measured.skipped.items()]
    return "\n".join(lines) + "\n"


def _table(group: Group, rows: list[Row], titles: dict[str, str], sales: int) -> list[str]:
    if not rows:
        return []
    cells = [(group.title, *_HEADINGS)]
    for row in rows:
        spread = (f"{row.median:.2f}", f"{row.least:.2f}", f"{row.most:.2f}")
        processor = "" if row.processor is None else f"{row.processor:.2f}"
        by_ours = "" if row.ratio is None else f"{row.ratio:.2f}"
        cells.append((f"  {titles[row.name]}", *spread, processor, f"{sales / row.median:,.0f}", by_ours))
    return ["", *aligned(cells)]


def _gold(measured: Measured) -> list[str]:
    """Seconds of each step and model of Gold, and next to a model those of its limit."""
    ours, limit = (parts_of(measured.timings, name) for name in ("gold", "ctas"))
    if not ours:
        return []
    cells = [("Gold: steps, then models (two at once)", "median s", "create table as")]
    cells += [
        (f"  {part}", f"{took:.2f}", f"{limit[part]:.2f}" if part in limit else "") for part, took in ours.items()
    ]
    return ["", *aligned(cells)]


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Cells in columns: the first to the left, the others to the right."""
    first, *others = (max(len(row[column]) for row in rows) for column in range(len(rows[0])))
    return [
        "  ".join((row[0].ljust(first), *(cell.rjust(width) for cell, width in zip(row[1:], others, strict=True))))
        for row in rows
    ]
