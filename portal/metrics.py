"""The figures of the start page in the text format of Prometheus (version 0.0.4).

A figure that is not known has no sample: a warehouse that is down is `retail_up{service="warehouse"} 0`, not zeros.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from medallion.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from portal.standing import Known, Standing
    from portal.states import State

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


@dataclass(frozen=True)
class Gauge:
    """A metric: its name, what it says, and its samples, each with its labels."""

    name: str
    help: str
    samples: list[tuple[dict[str, str], float]] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """The lines of the metric."""
        yield f"# HELP {self.name} {self.help}"
        yield f"# TYPE {self.name} gauge"
        for labels, value in self.samples:
            inner = ",".join(f'{name}="{text.translate(_ESCAPED)}"' for name, text in labels.items())
            yield f"{self.name}{f'{{{inner}}}' if inner else ''} {_number(value)}"


def write_metrics(states: Sequence[State], known: Known, now: datetime) -> str:
    """All metrics, each with HELP and TYPE."""
    gauges = [
        Gauge("retail_build_info", "The version that runs.", [({"version": VERSION}, 1)]),
        Gauge(
            "retail_up",
            "Whether the service answers.",
            [({"service": one.service.name}, one.name == "up") for one in states if one.name != "off"],
        ),
    ]
    if known.standing is not None and known.answers and not known.problem:
        gauges += _of_data(known.standing, now)
    return "".join(f"{line}\n" for gauge in gauges for line in gauge.lines())


def _of_data(standing: Standing, now: datetime) -> Iterable[Gauge]:
    run = standing.last_ended_run
    if run is not None and run.ended_at is not None:
        yield _one("retail_last_run_timestamp_seconds", "When the last run ended.", run.ended_at.timestamp())
        yield _one("retail_last_run_duration_seconds", "How long the last run took.", run.seconds(now))
        yield _one("retail_last_run_success", "Whether the last run succeeded.", not run.has_failed)
    yield Gauge(
        "retail_watermark_age_seconds",
        "Time since a pull last moved the watermark of the entity.",
        [({"entity": name}, (now - moved).total_seconds()) for name, moved in (standing.watermarks or {}).items()],
    )
    if standing.newest_sale_at is not None:
        yield _one(
            "retail_newest_sale_timestamp_seconds",
            "When the newest sale was made.",
            standing.newest_sale_at.timestamp(),
        )
    yield _one("retail_open_incidents", "Open incidents.", standing.open_incidents)
    yield _one("retail_quarantined_records", "Open records in quarantine.", standing.open_records)
    yield Gauge(
        "retail_rows",
        "Records in Bronze, and rows of each table as Postgres counts them.",
        [({"layer": one.layer, "table": one.name}, one.records) for one in standing.holdings or ()],
    )
    checks = standing.checks or ()
    yield Gauge(
        "retail_reconciliation_open_differences",
        "Checks against the source that found a difference which is still open.",
        [({"dataset": one.dataset}, (standing.differences or {}).get(one.dataset, 0)) for one in checks],
    )
    yield Gauge(
        "retail_reconciliation_checked_timestamp_seconds",
        "When the dataset was last checked against the source.",
        [({"dataset": one.dataset}, one.checked_at.timestamp()) for one in checks],
    )


def _one(name: str, words: str, value: float) -> Gauge:
    return Gauge(name, words, [({}, value)])


def _number(value: float) -> str:
    return repr(float(value)).removesuffix(".0")
