"""From the source to the anomaly: planted faults go through pull, load and the models, and are found in Gold."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import httpx
import pytest
from psycopg2.extensions import connection

from backend.main import create_app
from backend.settings import SourceSettings
from medallion.database import transaction
from medallion.settings import Settings
from quality.anomalies.store import read_anomalies
from quality.anomalies.watch import judge_kpis
from tests.conftest import KEY, serving
from tests.pipeline import build_untested, hour
from tests.queries import rows

START = datetime(2026, 1, 26, tzinfo=timezone.utc)
DAYS = 58  # on day 60 a store opens, and another one loses half of its customers to it
NOW = START + timedelta(days=DAYS)
JUDGED = timedelta(days=21)  # what is judged after the weeks that are learned from


@pytest.mark.slow  # fifty thousand sales through the whole line
def test_sales_that_the_source_sends_twice_are_found_and_nothing_else(conn: connection, settings: Settings) -> None:
    planted = SourceSettings(
        seed=9,
        start=START,
        now=NOW,
        sales_per_hour=40,
        customers=500,
        products=60,
        api_key=KEY,
        anomalies="dup_hour:4",
    )
    with serving(create_app(planted)) as url:
        ours = settings.model_copy(update={"source_api_url": url, "source_page_size": 5_000})
        hour(conn, ours)
        ledger = httpx.get(f"{url}/anomalies/ledger", headers={"X-API-Key": KEY}).json()
    build_untested(conn, ours)
    judge_kpis(conn, ours, run_id="r", now=NOW)
    with transaction(conn):
        found = [one.anomaly for one in read_anomalies(conn, NOW - JUDGED)]
    spans = [tuple(datetime.fromisoformat(one[key]) for key in ("started_at", "ended_at")) for one in ledger]
    expected = [span for span in spans if span[0] > NOW - JUDGED]
    assert expected, "the seed plants nothing where it is judged"
    for begins, ends in expected:
        hits = [one for one in found if one.started_at < ends and one.ended_at > begins]
        assert {(one.level, one.direction) for one in hits} == {("total", "above")}
        assert all(float(one.effect) > 0.5 for one in hits)
    assert all(any(one.started_at < ends and one.ended_at > begins for begins, ends in spans) for one in found)
    assert rows(conn, "select distinct status from gold.kpi_anomaly") == [("ended",)]
