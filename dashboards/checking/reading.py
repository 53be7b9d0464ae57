"""The figures of a chart, as cells: read from Superset, by SQL from Gold, or from a reference.

All three have the same form, so that they can be compared: a row is known by its key columns, a number is a Decimal,
a day or moment its ISO 8601 text in UTC.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date, datetime, timezone
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from dashboards.kinds import Listing, Number, Trend
from dashboards.periods import DEFAULT_PERIOD, days_of, explicit_range, is_under_way, superset_range
from medallion.errors import DashboardInvalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from dashboards.declared import Dashboard, Dataset
    from dashboards.kinds import Chart
    from dashboards.relations import Relation

Key = tuple[str, ...]
Value = Decimal | str | None
Rows = dict[Key, dict[str, Value]]
# The figure of the earlier period, as SQL and references call it.
BEFORE = "_before"
NOTHING = "(null)"  # of a column, as a part of a key
_DECIMALS = Decimal("0.000001")  # of a rate; an amount has two


@dataclass(frozen=True)
class Asked:
    """How a chart is to be read: as of which day, and with which values of the dashboard's filters."""

    as_of: date
    choices: Mapping[str, str]


@dataclass(frozen=True)
class StoredChart:
    """What Superset has stored of a chart: its query, and the filters that reach it, by name with their column."""

    query: Mapping[str, Any]
    choices: Mapping[str, str]


@dataclass(frozen=True)
class ChartToRead:
    """A chart with all that its figures depend on."""

    dashboard: Dashboard
    chart: Chart
    dataset: Dataset
    relation: Relation

    @property
    def name(self) -> str:
        """Dashboard and chart."""
        return f"{self.dashboard.slug}.{self.chart.name}"

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns that tell its rows apart."""
        time = (str(self.dataset.time),) if self._is_over_time else ()
        return (*time, *self.chart.dimensions)

    @property
    def figures(self) -> tuple[str, ...]:
        """Its figures, and those of the period before where it shows them."""
        before = [f"{one}{BEFORE}" for one in self.chart.figures] if self._compares else []
        return (*self.chart.figures, *before)

    @property
    def limit(self) -> int | None:
        """The most rows that it shows, None where it shows all."""
        return self.chart.most_rows

    @property
    def has_reference(self) -> bool:
        """Whether its figures stay as they are once approved: those of days that have ended, not of the last load."""
        return self.dataset.time is not None and not is_under_way(self._period)

    @property
    def declared_range(self) -> str:
        """Its period as Superset's time range."""
        return superset_range(self._period)

    @property
    def _period(self) -> str:
        return self.chart.period or (self.dashboard.period.default if self.dashboard.period else DEFAULT_PERIOD)

    @property
    def _is_over_time(self) -> bool:
        return isinstance(self.chart, Trend) or (isinstance(self.chart, Number) and self.chart.compare is not None)

    @property
    def _compares(self) -> bool:
        return not isinstance(self.chart, Number) and getattr(self.chart, "compare", None) is not None

    def days(self, as_of: date) -> tuple[date, date] | None:
        """The first day of its period and the day after the last; None where it has no period."""
        if self.dataset.time is None:
            return None
        return days_of(self._period, as_of)

    def parameters(self, asked: Asked) -> dict[str, Any]:
        """What its SQL may ask for: `from`, `until`, and the column of each filter of a single value."""
        first, until = self.days(asked.as_of) or (asked.as_of, asked.as_of)
        chosen = {one.column: asked.choices[one.name] for one in self.dashboard.filters if one.name in asked.choices}
        return {"from": first, "until": until, **chosen}


def context_of(one: ChartToRead, stored: StoredChart, dataset_id: int, asked: Asked) -> dict[str, Any]:
    """What to ask Superset for: the query that it has stored with the chart, over fixed days.

    The filters are those that the stored dashboard applies to the chart, with the chosen values. A time range that is
    not the declared one stays, and shows as a difference. Superset turns rows into columns for the browser. That is
    left out: the figures are the same.
    """
    days = one.days(asked.as_of)
    fixed = {one.declared_range: explicit_range(*days)} if days else {}
    filters = [
        {**found, "val": fixed.get(found["val"], found["val"])} if found["op"] == "TEMPORAL_RANGE" else dict(found)
        for found in stored.query["filters"]
    ]
    for name, column in stored.choices.items():
        if name in asked.choices:
            filters.append({"col": column, "op": "IN", "val": [asked.choices[name]]})
    return {
        "datasource": {"id": dataset_id, "type": "table"},
        "force": True,
        "queries": [{**stored.query, "filters": filters, "post_processing": []}],
        "result_format": "json",
        "result_type": "full",
    }


def rows_of_superset(one: ChartToRead, answer: Iterable[Mapping[str, Any]]) -> Rows:
    """The rows that Superset answered. Raises DashboardInvalid for a column that the chart needs and they lack."""
    compare = getattr(one.chart, "compare", None)
    moments = {name for name, known in one.relation.columns.items() if known.is_moment}

    def value(row: Mapping[str, Any], name: str) -> Value:
        if name.endswith(BEFORE) and name not in row:
            return _value(row[f"{name.removesuffix(BEFORE)}__{compare}"], is_moment=False)
        return _value(row[name], is_moment=name in moments or name.removeprefix("latest_") in moments)

    try:
        return _by_key(
            (
                tuple(_text(value(row, key)) for key in one.keys),
                {name: value(row, name) for name in one.figures},
            )
            for row in answer
        )
    except KeyError as error:
        raise DashboardInvalid(file=one.name, problems=[f"Superset shows no {error}"]) from error


def rows_of_sql(one: ChartToRead, columns: Sequence[str], found: Iterable[Sequence[Any]]) -> Rows:
    """The rows that the chart's SQL returned. Raises DashboardInvalid if it lacks a column of the chart."""
    if missing := sorted({*one.keys, *one.figures} - {*columns}):
        raise DashboardInvalid(
            file=f"superset/checks/{one.dashboard.slug}.yaml",
            problems=[f"{one.chart.name}: its SQL returns no column {', '.join(missing)}"],
        )
    listed = [dict(zip(columns, row, strict=True)) for row in found]
    return _by_key(
        (
            tuple(_text(_value(row[key], is_moment=False)) for key in one.keys),
            {name: _value(row[name], is_moment=False) for name in one.figures},
        )
        for row in listed
    )


def rows_of_file(one: ChartToRead, file: Path) -> Rows:
    """The rows of a reference. Raises DashboardInvalid for one that cannot be read."""
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream, restval="", strict=True)
            if missing := sorted({*one.keys, *one.figures} - {*(reader.fieldnames or ())}):
                raise DashboardInvalid(file=str(file), problems=[f"it has no column {', '.join(missing)}"])
            rows = list(reader)
        return _by_key(
            (tuple(row[key] for key in one.keys), {name: _parsed(row[name]) for name in one.figures}) for row in rows
        )
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DashboardInvalid(file=str(file), problems=[str(error)]) from error


def largest(one: ChartToRead, rows: Rows) -> Rows:
    """The rows that a chart with a limit may show: of a listing the first in its order, with all that are equal there.

    A ranking by a rate leaves out rows without one.
    """
    if one.limit is None:
        return rows
    if isinstance(one.chart, Listing):
        place = one.keys.index(one.chart.sort) if one.chart.sort in one.keys else 0
        ordered = sorted(rows, key=lambda key: key[place], reverse=not one.chart.ascending)
        last = ordered[: one.limit][-1:]
        bounds = {key[place] for key in ordered[: one.limit]} if last else set()
        return {key: rows[key] for key in ordered if key[place] in bounds}
    first = one.figures[0]
    return {key: row for key, row in rows.items() if row[first] is not None}


def write_rows(one: ChartToRead, rows: Rows, file: Path) -> None:
    """Write rows as a reference."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".new")
    with draft.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([*one.keys, *one.figures])
        for key, figures in sorted(rows.items()):
            writer.writerow([*key, *(_plain(figures[name]) for name in one.figures)])
    draft.replace(file)


def _value(found: Any, *, is_moment: bool) -> Value:
    """A value of a driver or of JSON in the common form."""
    if is_moment and isinstance(found, (int, Decimal)):  # milliseconds since 1970
        found = datetime.fromtimestamp(float(found) / 1000, timezone.utc)
    if isinstance(found, bool):
        return str(found).lower()
    if isinstance(found, (int, Decimal)):
        return _rounded(Decimal(found))
    if isinstance(found, datetime):
        return found.astimezone(timezone.utc).isoformat(timespec="seconds").removesuffix("T00:00:00+00:00")
    return found.isoformat() if isinstance(found, date) else None if found is None else str(found)


def _rounded(number: Decimal) -> Decimal:
    """The number at six decimals, without zeros at its end: what two ways to divide agree on."""
    exact = number.quantize(_DECIMALS) if number.is_finite() and abs(number) < Decimal(10) ** 20 else number
    whole = exact.normalize()
    return whole.quantize(Decimal(1)) if whole.is_finite() and whole == whole.to_integral_value() else whole


def _parsed(text: str) -> Value:
    if text == "":
        return None
    try:
        return _rounded(Decimal(text))
    except InvalidOperation:
        return text


def _by_key(rows: Iterable[tuple[Key, dict[str, Value]]]) -> Rows:
    """Rows by their key. One that comes again is a row of its own: shown twice, it is in no reference."""
    found: Rows = {}
    for key, figures in rows:
        number, free = 1, key
        while free in found:
            number += 1
            free = (*key[:-1], f"{key[-1] if key else ''} (row {number})")
        found[free] = figures
    return found


def _text(value: Value) -> str:
    """A value as a part of a key."""
    return NOTHING if value is None else _plain(value)


def _plain(value: Value) -> str:
    return "" if value is None else f"{value:f}" if isinstance(value, Decimal) else value
