"""The charts of the page, as inline SVG. Each is drawn for a width in pixels, so that its text keeps its size.

Shapes have classes that `page.css` colors. Whatever text comes from data is escaped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from decimal import Decimal

_TICKS = 4
_LABEL_HEIGHT, _LABEL_WIDTH = 13, 70


@dataclass(frozen=True)
class Bar:
    """A day of the chart: its value, and those of the same weekday a week and a year before, if they are known."""

    label: str
    title: str
    value: float
    week_before: float | None = None
    year_before: float | None = None
    is_partial: bool = False


@dataclass(frozen=True)
class Ahead:
    """A day of a forecast: what it brought, or what is expected of it with its bounds, and the same a year before."""

    label: str
    title: str
    actual: float | None
    expected: float | None
    lower: float | None
    upper: float | None
    year_before: float | None


@dataclass(frozen=True)
class Cell:
    """A cell of the map of cohorts: a share of one. `is_open`: its month is not over, so the share still grows."""

    share: float
    title: str
    is_open: bool = False


@dataclass(frozen=True)
class Frame:
    """Width and height of a chart and the margins of its plot, in pixels; `top_value` is at the top of the plot."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    top_value: float

    def y(self, value: float) -> float:
        """Position of a value; below zero it is drawn as zero."""
        return self.height - self.bottom - max(value, 0) / self.top_value * (self.height - self.top - self.bottom)

    @property
    def floor(self) -> float:
        """Position of zero."""
        return self.y(0)


def days_chart(
    bars: Sequence[Bar], width: int, height: int, axis: Callable[[float], str], *, label_every: int
) -> Markup:
    """A bar for each day, a mark at the value of a week before, and a dotted line through those of a year before."""
    is_wide = width > 600  # noqa: PLR2004 - a screen that has room for labels next to the last day
    values = [one for bar in bars for one in (bar.value, bar.week_before or 0, bar.year_before or 0)]
    frame = Frame(width, height, 44, 96 if is_wide else 0, 18, 24, top_of(values))
    slot = (width - frame.left - frame.right) / max(len(bars), 1)
    parts = [_grid(frame, axis)]
    for number, bar in enumerate(bars):
        parts.append(_day(frame, bar, frame.left + number * slot, slot))
        if number % label_every == (len(bars) - 1) % label_every:
            x = frame.left + number * slot
            is_last = x > width - frame.right - _LABEL_WIDTH
            parts.append(_text(x + slot if is_last else x, height - 6, bar.label, "end" if is_last else "start"))
    parts.append(_line_before(frame, bars, slot))
    if is_wide and bars:
        parts.append(_labels_of_lines(frame, bars))
    return _svg(frame.width, frame.height, "Revenue by day", parts)


def ahead_chart(days: Sequence[Ahead], width: int, height: int, axis: Callable[[float], str]) -> Markup:
    """A bar for each day that was, then a line through what is expected, within a band; dotted: a year before."""
    values = [one for day in days for one in (day.actual, day.expected, day.upper, day.year_before) if one is not None]
    frame = Frame(width, height, 44, 0, 18, 24, top_of(values))
    slot = (width - frame.left) / max(len(days), 1)
    at = [frame.left + number * slot for number in range(len(days))]
    middles = [x + slot / 2 for x in at]
    upper = [(x, day.upper) for x, day in zip(middles, days, strict=True)]
    lower = [(x, day.lower) for x, day in zip(middles, days, strict=True)]
    parts = [_grid(frame, axis), _line(frame, [*upper, *reversed(lower)], "polygon", "band")]
    for number, (x, day) in enumerate(zip(at, days, strict=True)):
        if day.actual is not None:
            top = frame.y(day.actual)
            parts.append(_rect(x + slot * 0.1, top, slot * 0.8, frame.floor - top, "bar", day.title))
        else:
            parts.append(_rect(x, frame.top, slot, frame.floor - frame.top, "spot", day.title))
        if number % 14 == 0 and x < width - _LABEL_WIDTH:
            parts.append(_text(x, height - 6, day.label, "start"))
    parts.append(_line(frame, [(x, one.year_before) for x, one in zip(middles, days, strict=True)], "polyline", "year"))
    parts.append(_line(frame, [(x, one.expected) for x, one in zip(middles, days, strict=True)], "polyline", "ahead"))
    return _svg(width, height, "Revenue by day, and what is expected", parts)


def heat_map(rows: Sequence[tuple[str, Sequence[float], str]], width: int, title: Callable[[int, int], str]) -> Markup:
    """A row for each name with a cell for each of 24 hours, darker for more; at its end the text of the row."""
    left, right, height, gap = 38, 66 if width > 600 else 48, 24, 2  # noqa: PLR2004 - as above
    cell = (width - left - right) / 24
    most = max((value for _, values, _ in rows for value in values), default=0) or 1
    every = 3 if cell > 20 else 6  # noqa: PLR2004 - room for a label
    parts = [_text(left + hour * cell, 12, f"{hour:02d}:00", "start") for hour in range(0, 24, every)]
    for number, (name, values, words) in enumerate(rows):
        y = 20 + number * height
        parts.append(_text(0, y + height / 2 + 4, name, "start", "name"))
        for hour, value in enumerate(values):
            strength = max(value, 0) / most
            parts.append(
                Markup('<rect class="heat" x="{}" y="{}" width="{}" height="{}" fill-opacity="{}">{}</rect>').format(
                    _px(left + hour * cell),
                    y,
                    _px(cell - gap),
                    height - gap,
                    f"{0.05 + 0.95 * strength:.2f}",
                    _title(title(number, hour)),
                )
            )
        parts.append(_text(width, y + height / 2 + 4, words, "end", "value"))
    return _svg(width, 20 + len(rows) * height, "Revenue by weekday and hour", parts)


def retention_map(rows: Sequence[tuple[str, str, Sequence[Cell]]], width: int, labels: tuple[str, str, str]) -> Markup:
    """A row for each (month, customers, cells), darker for more. `labels`: of the customers, a column and a cell."""
    is_wide = width > 600  # noqa: PLR2004 - as above
    counts, left, height, gap = (150, 166, 26, 2) if is_wide else (82, 88, 24, 1)
    of_count, of_column, of_cell = labels
    columns = max((len(cells) for *_, cells in rows), default=0)
    slot = min((width - left) / max(columns, 1), 80 if is_wide else 40)
    most = max((one.share for *_, cells in rows for one in cells), default=0) or 1
    parts = [_text(counts, 15, of_count, "end")]
    parts += [_text(left + (n + 0.5) * slot, 15, of_column.format(n + 1), "middle") for n in range(columns)]
    for number, (name, count, cells) in enumerate(rows):
        y = 22 + number * height
        parts += [_text(0, y + 17, name, "start", "name"), _text(counts, y + 17, count, "end", "value")]
        for place, one in enumerate(cells):
            x = left + place * slot
            parts.append(_share(x, y, slot - gap, height - gap, one, most))
            parts.append(
                _text(x + (slot - gap) / 2, y + 17, of_cell.format(f"{one.share * 100:.0f}"), "middle", "cell")
            )
    return _svg(width, 22 + len(rows) * height, "Share of customers who come back, by month", parts)


def columns_chart(
    columns: Sequence[tuple[str, float, str]], width: int, height: int, axis: Callable[[float], str]
) -> Markup:
    """A column for each (title, value, class)."""
    frame = Frame(width, height, 44, 0, 18, 2, top_of([value for _, value, _ in columns]))
    slot = min((width - frame.left) / max(len(columns), 1), 40)
    parts = [_grid(frame, axis)]
    for number, (title, value, kind) in enumerate(columns):
        top = frame.y(value)
        parts.append(_rect(frame.left + number * slot, top, slot - 3, max(frame.floor - top, 1), kind, title))
    return _svg(width, height, "One column for each", parts)


def bar_of(part: Decimal | float, most: Decimal | float, kind: str = "bar") -> Markup:
    """A horizontal bar that fills its share of its table cell."""
    percent = max(0.0, min(100.0, float(part) / float(most) * 100)) if most > 0 else 0.0
    return Markup(
        '<svg class="track" width="100%" height="10" aria-hidden="true">'
        '<rect class="{}" width="{}%" height="10"/></svg>'
    ).format(kind, f"{percent:.1f}")


def top_of(values: Sequence[float]) -> float:
    """The round value at the top of an axis, at or above all values.

    1, 2, 4, 6, 8 or 10 times a power of ten, so that a quarter of it is round, too.
    """
    most = max([*values, 0])
    if most <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(most))
    return next(step * power for step in (1, 2, 4, 6, 8, 10) if step * power >= most)


def _grid(frame: Frame, axis: Callable[[float], str]) -> Markup:
    lines = []
    for number in range(1, _TICKS + 1):
        value = frame.top_value * number / _TICKS
        y = frame.y(value)
        lines.append(Markup('<line class="grid" x1="0" x2="{}" y1="{}" y2="{}"/>').format(frame.width, _px(y), _px(y)))
        lines.append(_text(0, y - 4, axis(value), "start"))
    base = Markup('<line class="base" x1="0" x2="{}" y1="{}" y2="{}"/>').format(
        frame.width, _px(frame.floor), _px(frame.floor)
    )
    return Markup().join([*lines, base])


def _day(frame: Frame, bar: Bar, x: float, slot: float) -> Markup:
    top, gap = frame.y(bar.value), slot * 0.2
    parts = [_rect(x + gap / 2, top, slot - gap, frame.floor - top, "partial" if bar.is_partial else "bar", bar.title)]
    if bar.week_before is not None:
        y = _px(frame.y(bar.week_before))
        parts.append(Markup('<line class="week" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(_px(x), _px(x + slot), y, y))
    return Markup().join(parts)


def _line_before(frame: Frame, bars: Sequence[Bar], slot: float) -> Markup:
    middles = [(frame.left + number * slot + slot / 2, bar.year_before) for number, bar in enumerate(bars)]
    return _line(frame, middles, "polyline", "year")


def _line(frame: Frame, places: Sequence[tuple[float, float | None]], shape: str, kind: str) -> Markup:
    """A line through values, or around them, at positions; what is not known is left out."""
    points = [f"{_px(x)},{_px(frame.y(value))}" for x, value in places if value is not None]
    drawn = Markup("<{} ").format(shape) + Markup('class="{}" points="{}"/>').format(kind, " ".join(points))
    return drawn if points else Markup()


def _labels_of_lines(frame: Frame, bars: Sequence[Bar]) -> Markup:
    """Labels of the marks, next to the last day, at their height and apart from each other."""
    last, x = bars[-1], frame.width - frame.right + 8
    wanted = [(frame.y(last.value), "that day so far" if last.is_partial else "that day", "name")]
    if last.week_before is not None:
        wanted.append((frame.y(last.week_before), "a week before", "week-label"))
    if last.year_before is not None:
        wanted.append((frame.y(last.year_before), "a year before", "year-label"))
    parts, lowest = [], 0.0
    for y, words, kind in sorted(wanted):
        lowest = max(y + 4, lowest + _LABEL_HEIGHT)
        parts.append(_text(x, lowest, words, "start", kind))
    return Markup().join(parts)


def _rect(x: float, y: float, width: float, height: float, kind: str, title: str) -> Markup:
    return Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}">{}</rect>').format(
        kind, _px(x), _px(y), _px(max(width, 1)), _px(max(height, 0)), _title(title)
    )


def _share(x: float, y: float, width: float, height: float, one: Cell, most: float) -> Markup:
    """A cell that its own text can be read on: never darker than 0.6."""
    opacity = f"{0.04 + 0.56 * one.share / most:.2f}"
    return Markup('<rect class="heat{}" x="{}" y="{}" width="{}" height="{}" fill-opacity="{}">{}</rect>').format(
        " open-month" if one.is_open else "", _px(x), _px(y), _px(width), _px(height), opacity, _title(one.title)
    )


def _text(x: float, y: float, words: str, anchor: str, kind: str = "axis") -> Markup:
    return Markup('<text class="{}" x="{}" y="{}" text-anchor="{}">{}</text>').format(
        kind, _px(x), _px(y), anchor, words
    )


def _title(words: str) -> Markup:
    return Markup("<title>{}</title>").format(words)


def _px(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")


def _svg(width: int, height: int, label: str, parts: Sequence[Markup]) -> Markup:
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        width, height, label, Markup().join(parts)
    )
