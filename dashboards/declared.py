"""A dashboard as it is declared: one file in superset/dashboards/, named after its address.

    title, question, roles, filters (period and choices), rows of charts

A chart names a dataset, which is a relation of Gold, and figures and columns of it. What a key means is in
docs/dashboards.md. A key that is not known is an error.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from medallion.errors import DashboardInvalid
from medallion.settings import PROJECT_ROOT

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = PROJECT_ROOT / "superset"
GRID = 12  # columns of a row
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
Column = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]*$")]
Words = Annotated[str, Field(min_length=1)]
# A period that has ended when the day begins: `last 28 days` ends before today.
_PERIOD = re.compile(r"^(yesterday|today|last [1-9]\d* (day|week|month|year)s?( and today)?)$")
Comparison = Annotated[str, Field(pattern=r"^[1-9]\d* (day|week|month|year)s? ago$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Period(_Strict):
    """The filter of the period: what the charts show, unless one says that its period is its own."""

    name: Words = "Period"
    default: str = "last 28 days"

    @field_validator("default")
    @classmethod
    def _known(cls, text: str) -> str:
        return known_period(text)


class Choice(_Strict):
    """A filter of values of a column. `single`: exactly one is chosen, the `default` at first."""

    name: Words
    dataset: Column
    column: Column
    single: bool = False
    default: str | None = None

    @model_validator(mode="after")
    def _begins_somewhere(self) -> Choice:
        if self.single and self.default is None:
            raise ValueError("a filter of a single value needs a default")
        return self


class _Chart(_Strict):
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
    """One figure, large. `compare`: also the change to the same figure so long ago."""

    kind: Literal["number"]
    figure: Column
    compare: Comparison | None = None

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
    """The largest values of a figure, as bars. `ordered`: all bars, in the order of their names."""

    kind: Literal["ranking"]
    by: Column
    figure: Column
    most: int = Field(10, ge=1, le=30)
    ordered: bool = False

    @property
    def dimensions(self) -> tuple[str, ...]:
        return (self.by,)

    @property
    def figures(self) -> tuple[str, ...]:
        return (self.figure,)

    @property
    def most_rows(self) -> int | None:
        return None if self.ordered else self.most


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
    """A figure by two columns, as colors."""

    kind: Literal["heat map"]
    across: Column
    down: Column
    figure: Column

    @property
    def dimensions(self) -> tuple[str, ...]:
        return (self.across, self.down)

    @property
    def figures(self) -> tuple[str, ...]:
        return (self.figure,)


Chart = Annotated[Number | Trend | Ranking | Table | Listing | HeatMap, Field(discriminator="kind")]


class Text(_Strict):
    """Words between the charts, in Markdown."""

    kind: Literal["text"]
    width: int = Field(ge=2, le=GRID)
    text: Words


class Row(_Strict):
    """Charts side by side. `height` in units of 8 pixels."""

    height: int = Field(ge=4, le=100)
    charts: Annotated[tuple[Annotated[Chart | Text, Field(discriminator="kind")], ...], Field(min_length=1)]


class Dashboard(_Strict):
    """A dashboard. `roles`: those of superset/roles.yaml that see it."""

    slug: Name
    title: Words
    question: Words
    roles: Annotated[tuple[Name, ...], Field(min_length=1)]
    period: Period | None = None
    filters: tuple[Choice, ...] = ()
    rows: Annotated[tuple[Row, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _fits_together(self) -> Dashboard:
        names = [one.name for one in self.charts]
        if twice := sorted({one for one in names if names.count(one) > 1}):
            raise ValueError(f"two charts have the name {', '.join(twice)}")
        filters = {one.name for one in self.filters}
        for one in self.charts:
            if unknown := sorted(set(one.ignores) - filters):
                raise ValueError(f"chart {one.name} ignores {', '.join(unknown)}: there is no such filter")
        for number, row in enumerate(self.rows, 1):
            if (wide := sum(one.width for one in row.charts)) > GRID:
                raise ValueError(f"row {number} is {wide} columns wide, a dashboard has {GRID}")
        return self

    @property
    def charts(self) -> tuple[Chart, ...]:
        """Its charts in reading order, without the texts."""
        return tuple(one for row in self.rows for one in row.charts if not isinstance(one, Text))

    @property
    def datasets(self) -> tuple[str, ...]:
        """The relations of Gold that it reads, in alphabetical order."""
        return tuple(sorted({one.dataset for one in (*self.charts, *self.filters)}))


class Dataset(_Strict):
    """Which figures of a relation of Gold dashboards may show.

    `time`: the column of the period. `metrics`: of dbt/models/metrics.yml. The others are columns, aggregated.
    """

    time: Column | None = None
    metrics: tuple[Column, ...] = ()
    sums: tuple[Column, ...] = ()
    averages: tuple[Column, ...] = ()
    latest: tuple[Column, ...] = ()
    shares: dict[Column, tuple[Column, Column]] = {}


def read_dashboards(folder: Path = FOLDER) -> list[Dashboard]:
    """Every declared dashboard, by file name. Raises DashboardInvalid, which names all that is wrong in a file."""
    files = sorted((folder / "dashboards").glob("*.yaml"))
    if not files:
        raise DashboardInvalid(file=str(folder / "dashboards"), problems=["the folder holds no *.yaml"])
    return [read_dashboard(file) for file in files]


def read_dashboard(file: Path) -> Dashboard:
    """One declared dashboard. Raises DashboardInvalid."""
    content = read_mapping(file)
    try:
        return Dashboard(slug=file.stem, **content)
    except ValidationError as error:
        raise DashboardInvalid(file=file.name, problems=problems_of(error, content)) from error
    except TypeError as error:  # a key `slug`, or one that is no text
        raise DashboardInvalid(file=file.name, problems=[str(error)]) from error


def read_datasets(folder: Path = FOLDER) -> dict[str, Dataset]:
    """The declared datasets by the name of their relation. Raises DashboardInvalid."""
    file = folder / "datasets.yaml"
    found = {}
    for name, content in read_mapping(file).items():
        try:
            found[str(name)] = Dataset.model_validate(content or {})
        except ValidationError as error:
            raise DashboardInvalid(
                file=file.name, problems=[f"{name}: {one}" for one in problems_of(error, content)]
            ) from error
    return found


def known_period(text: str) -> str:
    """The period, if it is one: `yesterday`, `today`, `last 28 days`. Raises ValueError."""
    if not _PERIOD.match(text):
        raise ValueError(
            f"{text!r} is no period: yesterday, today, last N days (weeks, months, years), or that and today"
        )
    return text


def condition(text: str) -> tuple[str, str, str]:
    """Column, operator and value of a condition such as `is_open = true`. Raises ValueError."""
    found = re.fullmatch(r"([a-z_][a-z0-9_]*) (=|!=|>=|<=|>|<) (.+)", text)
    if not found:
        raise ValueError(f"{text!r} is no condition: a column, one of = != >= <= > <, and a value")
    return found[1], found[2], found[3]


def read_mapping(file: Path) -> dict[str, Any]:
    """The content of a YAML file of ours. Raises DashboardInvalid for one that cannot be read, or holds no mapping."""
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DashboardInvalid(file=file.name, problems=[" ".join(str(error).split())]) from error
    except OSError as error:
        raise DashboardInvalid(file=file.name, problems=[f"it cannot be read: {error.strerror}"]) from error
    if not isinstance(found, dict):
        raise DashboardInvalid(file=file.name, problems=["it is no mapping of keys to values"])
    return found


def problems_of(error: ValidationError, content: Any) -> list[str]:
    """What is wrong, each with its place: `rows.2.charts.1 (net-revenue).width: …`.

    A list whose items are wrong counts as too short, too: that is not said.
    """
    found = error.errors(include_url=False, include_input=False)
    places = [one["loc"] for one in found]
    return [
        f"{_place(one['loc'], content) or 'the file'}: {one['msg'].removeprefix('Value error, ')}"
        for one in found
        if one["type"] != "too_short" or not any(_is_within(other, one["loc"]) for other in places)
    ]


def _is_within(place: tuple[int | str, ...], other: tuple[int | str, ...]) -> bool:
    return len(place) > len(other) and place[: len(other)] == other


def _place(path: tuple[int | str, ...], content: Any) -> str:
    words: list[str] = []
    for step in path:
        inside = content[step] if _has(content, step) else None
        name = inside.get("name") if isinstance(inside, dict) else None
        if inside is None and step not in (content if isinstance(content, dict) else ()) and path[-1] != step:
            continue  # pydantic's name of a kind
        words.append(
            f"{step + 1} ({name})"
            if isinstance(step, int) and name
            else str(step + 1 if isinstance(step, int) else step)
        )
        content = inside
    return ".".join(words)


def _has(content: Any, step: int | str) -> bool:
    if isinstance(content, list) and isinstance(step, int):
        return step < len(content)
    return isinstance(content, dict) and step in content
