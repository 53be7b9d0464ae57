"""The KPIs that are watched, as `dbt/models/metrics.yml` defines them (`watched` names the grains)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from medallion.metrics import DEFINITIONS, metrics
from medallion.yaml_files import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from quality.anomalies.panel import Grain


@dataclass(frozen=True)
class Kpi:
    """A figure that is watched. `part` adds up over points; a ratio divides it by `whole`, which adds up, too."""

    name: str
    label: str
    unit: str
    part: str
    whole: str = ""

    @property
    def is_share(self) -> bool:
        """Whether it is a ratio whose numerator is a part of its denominator."""
        return bool(self.whole) and self.unit == "share"


@lru_cache(maxsize=1)
def watched() -> dict[Grain, tuple[Kpi, ...]]:
    """The KPIs of each grain, in the order of their definitions."""
    found: dict[Grain, list[Kpi]] = {"hour": [], "day": []}
    for one in read_yaml(DEFINITIONS)["metrics"]:
        for grain in one["config"]["meta"].get("watched", []):
            found[grain].append(_kpi(one["name"]))
    return {grain: tuple(kpis) for grain, kpis in found.items()}


def of_categories(kpis: Iterable[Kpi]) -> tuple[Kpi, ...]:
    """The KPIs that a category has. Orders are none: a sale with lines of two categories would count twice."""
    return tuple(one for one in kpis if "orders" not in (one.part, one.whole))


def parts_of(kpis: Iterable[Kpi], counts: str) -> Sequence[str]:
    """The figures that the KPIs are made of, and the one that counts."""
    return list(dict.fromkeys([counts, *(part for one in kpis for part in (one.part, one.whole) if part)]))


def _kpi(name: str) -> Kpi:
    metric = metrics()[name]
    if metric.type == "ratio":
        return Kpi(name, metric.label, metric.unit, metric.numerator, metric.denominator)
    return Kpi(name, metric.label, metric.unit, name)
