"""The figures of the start page in the text format of Prometheus (version 0.0.4).

A figure that is not known has no sample: a warehouse that is down is `retail_up{service="warehouse"} 0`, not zeros.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from medallion.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from portal.standing import Known, Standing
    from portal.states import State

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4


def write_metrics(states: Sequence[State], known: Known, now: datetime) -> str:
    """All metrics, each with HELP and TYPE."""
    return generate_latest(_Figures(states, known, now)).decode()


@dataclass(frozen=True)
class _Figures(Collector):
    """What the page knows at one moment, in the place of a registry, which has the figures of its process."""

    states: Sequence[State]
    known: Known
    now: datetime

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Every metric with its samples."""
        yield _gauge("retail_build_info", "The version that runs.", ["version"], [([VERSION], 1)])
        started = [one for one in self.states if one.name != "off"]
        yield _gauge(
            "retail_up",
            "Whether the service answers.",
            ["service"],
            [([one.service.name], one.name == "up") for one in started],
        )
        if self.known.standing is not None and self.known.answers and not self.known.problem:
            yield from _of_data(self.known.standing, self.now)


def _of_data(standing: Standing, now: datetime) -> Iterator[GaugeMetricFamily]:
    run = standing.last_ended_run
    if run is not None and run.ended_at is not None:
        yield _one("retail_last_run_timestamp_seconds", "When the last run ended.", run.ended_at.timestamp())
        yield _one("retail_last_run_duration_seconds", "How long the last run took.", run.seconds(now))
        yield _one("retail_last_run_success", "Whether the last run succeeded.", not run.has_failed)
    yield _gauge(
        "retail_watermark_age_seconds",
        "Time since a pull last moved the watermark of the entity.",
        ["entity"],
        [([name], (now - moved).total_seconds()) for name, moved in (standing.watermarks or {}).items()],
    )
    if standing.newest_sale_at is not None:
        yield _one(
            "retail_newest_sale_timestamp_seconds",
            "When the newest sale was made.",
            standing.newest_sale_at.timestamp(),
        )
    yield _one("retail_open_incidents", "Open incidents.", standing.open_incidents)
    yield _one("retail_open_anomalies", "Open anomalies of the KPIs without a verdict.", standing.open_anomalies)
    yield _one("retail_quarantined_records", "Open records in quarantine.", standing.open_records)
    yield _gauge(
        "retail_rows",
        "Records in Bronze, and rows of each table as Postgres counts them.",
        ["layer", "table"],
        [([one.layer, one.name], one.records) for one in standing.holdings or ()],
    )
    checks = standing.checks or ()
    yield _gauge(
        "retail_reconciliation_open_differences",
        "Checks against the source that found a difference which is still open.",
        ["dataset"],
        [([one.dataset], (standing.differences or {}).get(one.dataset, 0)) for one in checks],
    )
    yield _gauge(
        "retail_reconciliation_checked_timestamp_seconds",
        "When the dataset was last checked against the source.",
        ["dataset"],
        [([one.dataset], one.checked_at.timestamp()) for one in checks],
    )


def _one(name: str, words: str, value: float) -> GaugeMetricFamily:
    return _gauge(name, words, [], [([], value)])


def _gauge(
    name: str, words: str, labels: Sequence[str], samples: Iterable[tuple[Sequence[str], float]]
) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(name, words, labels=labels)
    for values, value in samples:
        gauge.add_metric(values, value)
    return gauge
