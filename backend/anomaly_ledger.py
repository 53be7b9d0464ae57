"""`GET /anomalies/ledger`: the truth about the anomalies of the data set, and how strong each is."""

from __future__ import annotations

import logging
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from fastapi import Depends

from backend.auth import require_key
from backend.dataset.timeline import SECONDS_PER_HOUR
from backend.http.problems import ERRORS
from backend.models import PlantedAnomaly

if TYPE_CHECKING:
    from fastapi import FastAPI

    from backend.anomalies.plan import Planted
    from backend.data import DataSet

log = logging.getLogger("uvicorn.error")


def report_anomalies(app: FastAPI, data: DataSet) -> None:
    """Report the anomalies of the data set at `/anomalies/ledger`."""
    log.warning("the sales have anomalies: the truth about them is at /anomalies/ledger")

    @app.get(
        "/anomalies/ledger",
        tags=["chaos"],
        summary="The anomalies up to the source's clock, oldest first",
        responses=ERRORS,
        dependencies=[Depends(require_key)],
    )
    def ledger() -> list[PlantedAnomaly]:
        return [reported(one) for one in data.planted()]


def reported(one: Planted) -> PlantedAnomaly:
    """An anomaly as the API reports it."""
    return PlantedAnomaly(
        kind=one.kind,
        level=one.level,
        member=one.member,
        started_at=_moment(one.first_hour),
        ended_at=_moment(one.until_hour),
        remaining_share=one.per_mille / 1_000,
        copies=one.copies,
        price_factor=one.price,
        fades=one.fades,
    )


def _moment(hour: int) -> datetime:
    return datetime.fromtimestamp(hour * SECONDS_PER_HOUR, timezone.utc)
