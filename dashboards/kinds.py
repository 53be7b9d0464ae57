"""The kinds of charts that a dashboard may declare, with the keys of each. docs/dashboards.md explains them."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

GRID = 12  # columns of a row
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
Column = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]*$")]
Words = Annotated[str, Field(min_length=1)]
# A period that has ended when the day begins: `last 28 days` ends before today.
_PERIOD = re.compile(r"^(yesterday|today|last [1-9]\d* (day|week|month|year)s?( and today| and next [1-9]\d* days)?)$")
Comparison = Annotated[str, Field(pattern=r"^[1-9]\d* (day|week|month|year)s? ago$")]
DaysAgo = Annotated[str, Field(pattern=r"^[1-9]\d* (day|week)s? ago$")]  # a comparison that is a number of days


class Strict(BaseModel):
    """What refuses a key that it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class _Chart(Strict):
    """What all charts share.

    `period`: its own, where the filter of the period does not reach it. `ignores`: names of filters that must not
    change it, though its dataset has their column. `where`: conditions such as `status = OPEN`.
    """

    name: Name
    title: Words
    width: int = Field(ge=2, le=GRID)
    dataset: Column
    note: str = ""
    period: str | None = None
    ignores: tuple[Words, ...] = ()
    where: tuple[str, ...] = ()

    @field_validator("period")
    @classmethod
    def _known(cls, text: str | None) -> str | None:
        return text and known_period(text)

    @field_validator("where")
    @classmethod
    def _conditions(cls, conditions: tuple[str, ...]) -> tuple[str, ...]:
        for one in conditions:
            condition(one)
        return conditions

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The columns that tell one row of the chart from another."""
        return ()

    @property
    def figures(self) -> tuple[str, ...]:
        """The figures of a row."""
        return ()

    @property
    def most_rows(self) -> int | None:
        """The most rows that it shows; None: all."""
        return None


class Number(_Chart):
    """One figure, large. `compare`: also the change to the same figure so many days or weeks ago."""

    kind: Literal["number"]
    figure: Column
    compare: DaysAgo | None = None

    @property
    def figures(self) -> tuple[str, ...]:
        return (self.figure,)


class Trend(_Chart):
    """Figures over time, a line or columns each. `compare`: also the line of so long ago."""

    kind: Literal["trend"]
    shows: Annotated[tuple[Column, ...], Field(min_length=1, max_length=5)]
    grain: Literal["hour", "day", "week", "month"] = "day"
    by: Column | None = None
    most: int = Field(8, ge=1, le=12)
    as_columns: bool = False
    stacked: bool = False
    compare: Comparison | None = None

    @property
    def dimensions(self) -> tuple[str, ...]:
        return (self.by,) if self.by else ()

    @property
    def figures(self) -> tuple[str, ...]:
        return self.shows


class Ranking(_Chart):
    """The largest values of a figure, as bars."""

    kind: Literal["ranking"]
    by: Column
    figure: Column
    most: int = Field(10, ge=1, le=30)

    @property
    def dimensions(self) -> tuple[str, ...]:
        return (self.by,)

    @property
    def figures(self) -> tuple[str, ...]:
        return (self.figure,)

    @property
    def most_rows(self) -> int | None:
        return self.most


class Table(_Chart):
    """Figures by columns, sorted by the first one. `compare`: each with its change to so long ago."""

    kind: Literal["table"]
    by: Annotated[tuple[Column, ...], Field(min_length=1, max_length=6)]
    shows: Annotated[tuple[Column, ...], Field(min_length=1, max_length=8)]
    most: int = Field(50, ge=1, le=1000)
    compare: Comparison | None = None

    @property
    def dimensions(self) -> tuple[str, ...]:
        return self.by

    @property
    def figures(self) -> tuple[str, ...]:
        return self.shows

    @property
    def most_rows(self) -> int | None:
        return self.most


class Listing(_Chart):
    """Rows of the dataset as they are, sorted by a column, the largest first unless it says `ascending`."""

    kind: Literal["listing"]
    columns: Annotated[tuple[Column, ...], Field(min_length=1, max_length=12)]
    sort: Column
    ascending: bool = False
    most: int = Field(50, ge=1, le=1000)

    @property
    def dimensions(self) -> tuple[str, ...]:
        return self.columns

    @property
    def most_rows(self) -> int | None:
        return self.most


class HeatMap(_Chart):
    """A figure by two columns, as colors. `values`: also as numbers, where there are few."""

    kind: Literal["heat map"]
    across: Column
    down: Column
    figure: Column
    values: bool = False

    @property
    def dimensions(self) -> tuple[str, ...]:
        return (self.across, self.down)

    @property
    def figures(self) -> tuple[str, ...]:
        return (self.figure,)


Chart = Annotated[Number | Trend | Ranking | Table | Listing | HeatMap, Field(discriminator="kind")]


class Text(Strict):
    """Words between the charts, in Markdown."""

    kind: Literal["text"]
    width: int = Field(ge=2, le=GRID)
    text: Words


def known_period(text: str) -> str:
    """The period, if it is one: `yesterday`, `today`, `last 28 days`, `… and next 28 days`. Raises ValueError."""
    if not _PERIOD.match(text):
        raise ValueError(
            f"{text!r} isn't a period: yesterday, today, last N days (weeks, months, years), or that and today, "
            "or that and next N days"
        )
    return text


def condition(text: str) -> tuple[str, str, str]:
    """Column, operator and value of a condition such as `is_open = true`. Raises ValueError."""
    found = re.fullmatch(r"([a-z_][a-z0-9_]*) (=|!=|>=|<=|>|<) (.+)", text)
    if not found:
        raise ValueError(f"{text!r} isn't a condition: a column, one of = != >= <= > <, and a value")
    return found[1], found[2], found[3]
