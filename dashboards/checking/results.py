"""The results of a check: a line per chart for a person, a CSV file of every cell, and JUnit for a pipeline."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from dashboards.checking.comparison import NO_REFERENCE, NO_ROWS
from medallion.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from dashboards.checking.check import Compared
    from dashboards.checking.comparison import Cell

# The name is the one that people of a hand-written check know.
CSV_FILE, JUNIT_FILE = "superset_vs_reference_report.csv", "junit.xml"
_HEAD = ("dashboard", "chart", "compared_with", "key", "figure", "superset", "ref", "delta", "status")
_MOST_LINES = 5


def line_of(one: Compared) -> str:
    """A line for a person, and one for each of the first cells that differ."""
    name = f"{one.dashboard}.{one.chart}"
    if one.error:
        return f"✗ {name:<52}{one.compared_with:<11}{one.error}"
    if not one.cells:
        return f"- {name:<52}{one.compared_with:<11}{one.note or 'no rows'}"
    wrong = [cell for cell in one.cells if cell.status != "match"]
    if not wrong:
        return f"✓ {name:<52}{one.compared_with:<11}{counted(len(one.cells), 'figure')}"
    counts = ", ".join(f"{number:,} {status}" for status, number in sorted(one.counts.items()))
    shown = "".join(f"\n    {words_of(cell, one.keys)}" for cell in wrong[:_MOST_LINES])
    more = f"\n    and {len(wrong) - _MOST_LINES:,} more" if len(wrong) > _MOST_LINES else ""
    return f"✗ {name:<52}{one.compared_with:<11}{counts}{': ' + one.note if one.note else ''}{shown}{more}"


def words_of(cell: Cell, keys: Sequence[str]) -> str:
    """A cell that differs, with both values."""
    where = _key(cell, keys) or "the figure"
    return (
        f"{where}: {cell.figure or 'row'} {cell.status}, Superset {_shown(cell.superset)}, ref {_shown(cell.reference)}"
    )


def summary(results: Sequence[Compared]) -> str:
    """One line for a person."""
    cells = [cell for one in results for cell in one.cells]
    wrong = sum(cell.status != "match" for cell in cells)
    compared = _charts(one for one in results if one.cells)
    counts = {
        "not compared": _charts(one for one in results if one.error),
        "without rows": _charts(one for one in results if one.note == NO_ROWS) - compared,
        "without a reference": _charts(one for one in results if one.note.startswith(NO_REFERENCE)),
    }
    rest = [f"{counted(len(charts), 'chart')} {words}" for words, charts in counts.items() if charts]
    differ = "1 differs" if wrong == 1 else f"{wrong:,} differ"
    done = f"{counted(len(cells), 'figure')} of {counted(len(compared), 'chart')} compared, {differ}"
    return "; ".join([done, *rest])


def _charts(results: Iterable[Compared]) -> set[tuple[str, str]]:
    return {(one.dashboard, one.chart) for one in results}


def remove_reports(folder: Path) -> None:
    """Remove the reports of an earlier check: one that breaks off must not leave them as its own."""
    for name in (CSV_FILE, JUNIT_FILE):
        (folder / name).unlink(missing_ok=True)


def write_csv(results: Iterable[Compared], folder: Path) -> Path:
    """Every cell as a line; returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / CSV_FILE
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(_HEAD)
        for one in results:
            for cell in one.cells:
                values = (_shown(cell.superset), _shown(cell.reference), _shown(cell.delta))
                place = (one.dashboard, one.chart, one.compared_with, _key(cell, one.keys), cell.figure)
                writer.writerow([*place, *values, cell.status])
    return file


def write_junit(results: Sequence[Compared], folder: Path) -> Path:
    """A test case for each chart and what it was compared with; returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    failed = [one for one in results if one.is_wrong]
    skipped = [one for one in results if not one.cells and one.note and not one.error]
    counts = {"tests": str(len(results)), "failures": str(len(failed)), "skipped": str(len(skipped))}
    suite = ET.Element("testsuite", {"name": "dashboards", **counts})
    for one in results:
        case = ET.SubElement(
            suite, "testcase", {"classname": one.dashboard, "name": f"{one.chart} {one.compared_with}"}
        )
        if one.is_wrong:
            failure = ET.SubElement(case, "failure", {"message": one.error or str(dict(one.counts))})
            failure.text = line_of(one)
        elif one in skipped:
            ET.SubElement(case, "skipped", {"message": one.note})
    file = folder / JUNIT_FILE
    ET.ElementTree(suite).write(file, encoding="utf-8", xml_declaration=True)
    return file


def _key(cell: Cell, keys: Sequence[str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in zip(keys, cell.key, strict=True))


def _shown(value: object) -> str:
    return "" if value is None else f"{value:f}" if hasattr(value, "quantize") else str(value)
