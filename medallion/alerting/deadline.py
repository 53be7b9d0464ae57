"""The deadline of the hourly run: whether a run is late or missing. Pure decisions, nothing is read here."""

from __future__ import annotations

from datetime import datetime, timedelta

HOUR = timedelta(hours=1)


def overdue_reason(now: datetime, began: datetime, deadline_minutes: float) -> str | None:
    """Why a run that began at `began` and has not ended is late; None while it is not."""
    if now - began <= timedelta(minutes=deadline_minutes):
        return None
    return f"the run that began at {_said(began)} has not ended within {deadline_minutes:g} minutes"


def missed_run_reason(now: datetime, last_began: datetime | None, deadline_minutes: float) -> str | None:
    """Why an hourly run is missing, if the last one began at `last_began`; None when none is, or none has ever run."""
    if last_began is None or now - last_began <= HOUR + timedelta(minutes=deadline_minutes):
        return None
    return f"no hourly run reached the warehouse between {_said(last_began)} and {_said(now)}"


def _said(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
