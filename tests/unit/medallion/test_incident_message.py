"""The lines of a message about an incident."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

from medallion.alerting.messages import Incident

NOON = datetime(2026, 11, 6, 12, tzinfo=timezone.utc)
OPEN = Incident(
    *(1, "retail_etl_hourly", "bronze_sales", "sales", "OPEN", NOON, NOON, None, 1, "manual__1", 7),
    *("the source did not answer", "run again", None, True),
)


def test_a_message_counts_failures_and_names_the_load() -> None:
    assert OPEN.lines()["since"] == "2026-11-06 12:00:00 UTC, 1 time"
    assert replace(OPEN, times=2).lines()["since"] == "2026-11-06 12:00:00 UTC, 2 times"
    assert OPEN.lines()["load"] == "7 of run manual__1"


def test_a_message_ends_with_the_remedy_or_with_the_end() -> None:
    closed = replace(OPEN, status="CLOSED", closed_at=NOON)
    assert OPEN.lines()["do"] == "run again"
    assert closed.lines()["closed"] == "2026-11-06 12:00:00 UTC: the task succeeded"
