"""A dashboard as it is declared: one file in superset/dashboards/, named after its address.

    title, question, roles, filters (period and choices), rows of charts

A chart names a dataset, which is a relation of Gold, and figures and columns of it. What a key means is in
docs/dashboards.md. A key that is not known is an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, ValidationError, field_validator, model_validator

from dashboards.files import problems_of, read_mapping
from dashboards.kinds import GRID, Chart, Column, Name, Strict, Text, Words, known_period
from medallion.errors import DashboardInvalid
from medallion.settings import PROJECT_ROOT

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = PROJECT_ROOT / "superset"


class Period(Strict):
    """The filter of the period: what the charts show, unless one says that its period is its own."""

    name: Words = "Period"
    default: str = "last 28 days"

    @field_validator("default")
    @classmethod
    def _known(cls, text: str) -> str:
        return known_period(text)


class Choice(Strict):
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


class Row(Strict):
    """Charts side by side. `height` in units of 8 pixels."""

    height: int = Field(ge=4, le=100)
    charts: Annotated[tuple[Annotated[Chart | Text, Field(discriminator="kind")], ...], Field(min_length=1)]


class Dashboard(Strict):
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


class Dataset(Strict):
    """Which figures of a relation of Gold dashboards may show.

    `time`: the column of the period. `metrics`: of dbt/models/metrics.yml. The others are columns, aggregated.
    """

    time: Column | None = None
    metrics: tuple[Column, ...] = ()
    sums: tuple[Column, ...] = ()
    averages: tuple[Column, ...] = ()
    latest: tuple[Column, ...] = ()
    shares: dict[Column, tuple[Column, Column]] = Field(default_factory=dict)


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
