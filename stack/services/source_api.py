"""The source API as a service of the platform, and the data set it serves.

The data set is a function of seed, start and sizes. It must stay the same from start to start, or the watermarks would
belong to other data: the settings of the first start are remembered, and changed only on request.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from backend.faults import parse_faults
from backend.settings import EDITION, SourceSettings
from medallion.errors import ConfigurationError
from stack.services.ports import HOST
from stack.services.processes import Service

if TYPE_CHECKING:
    from stack.host.home import Home
    from stack.host.settings import StackSettings

NAME = "source-api"
PINNED = (
    *("SOURCE_SEED", "SOURCE_START", "SOURCE_SALES_PER_HOUR", "SOURCE_CUSTOMERS", "SOURCE_PRODUCTS"),
    *("SOURCE_ANOMALIES", "SOURCE_NOISE"),
)
HISTORY_DAYS = 425  # fourteen months: last year's figures, cohorts and lifetime values are not empty
_CHAOS = "SOURCE_CHAOS"
_EDITION = "source_edition"
# Secrets of the platform and variables of Airflow and Postgres, which the source must not get.
_NOT_THE_SOURCES = ("DATABASE_URL", "AIRFLOW_", "PG", "RETAIL_PG_")


@dataclass(frozen=True)
class PinnedDataSet:
    """The settings and the edition of the first start. Both are None before it, and for another source."""

    settings: dict[str, str] | None = None
    edition: int | None = None


NO_DATA_SET = PinnedDataSet()


def source_service(home: Home, port: int, api_key: str) -> Service:
    """The source API on `port`, accepting `api_key`."""
    home.remember("chaos", os.environ.get(_CHAOS, ""))
    environment = {
        "POLARS_MAX_THREADS": "1",  # a page is small: a second thread costs more than it brings
        **{name: value for name, value in os.environ.items() if not name.startswith(_NOT_THE_SOURCES)},
        **pinned_data_set(home, os.environ, datetime.now(timezone.utc)),
        "SOURCE_API_KEY": api_key,
        "PYTHONUNBUFFERED": "1",
    }
    command = (
        *(sys.executable, "-m", "uvicorn", "backend.main:app"),
        *("--host", HOST, "--port", str(port), "--no-access-log", "--no-server-header"),
    )
    return Service(NAME, command, environment, ready_url=f"http://{HOST}:{port}/readyz", ready_seconds=60)


def ask_for_chaos(settings: StackSettings, faults: str) -> None:
    """Request these faults of the source that this command is about to start.

    Raises ConfigurationError for an unknown fault, and for a source that the platform does not start.
    """
    try:
        parse_faults(faults)
    except ValueError as error:
        raise ConfigurationError(
            f"--chaos was not understood: {error}", remedy="see docs/extending.md, a source that misbehaves"
        ) from error
    if settings.source_api_url is not None:
        raise ConfigurationError(
            "--chaos needs the platform's own source: SOURCE_API_URL names another one",
            remedy="unset SOURCE_API_URL for a demonstration",
        )
    os.environ[_CHAOS] = faults


def require_same_faults(home: Home) -> None:
    """Raise ConfigurationError when the running source has other faults than this command asks for."""
    shown, asked = home.recall("chaos") or "", os.environ.get(_CHAOS, "")
    if shown != asked:
        raise ConfigurationError(
            f"the source is running with {shown or 'no'} faults, not with {asked or 'none'}",
            remedy="wait for the command that started it to end, or end it: ./retail down",
        )


def pinned_data_set(home: Home, environment: os._Environ[str] | dict[str, str], now: datetime) -> dict[str, str]:
    """The data set's settings, from the environment or else from the first start; they are remembered."""
    remembered: dict[str, str] = home.recall("source") or {}
    if not remembered:
        home.remember(_EDITION, EDITION)
    pinned = _defaults(now) | remembered | _given(environment)
    if pinned != remembered:
        home.remember("source", pinned)
    return pinned


def recall_data_set(home: Home) -> PinnedDataSet:
    """The data set of the platform's own source, as a backup keeps it."""
    return PinnedDataSet(home.recall("source"), home.recall(_EDITION))


def keep_data_set(home: Home, pinned: PinnedDataSet) -> None:
    """Remember the data set of a backup, unless this platform has one."""
    if pinned.settings and home.recall("source") is None:
        home.remember(_EDITION, pinned.edition)
        home.remember("source", pinned.settings)


def changed_data_set(home: Home, environment: os._Environ[str] | dict[str, str]) -> list[str]:
    """Settings by which the environment now asks for another data set than the one already loaded.

    The edition of the sample data is one: a new version of the source may have other records for the same settings.
    """
    remembered: dict[str, str] = home.recall("source") or {}
    if not remembered:
        return []
    edition = [] if home.recall(_EDITION) == EDITION else ["the edition of the sample data"]
    return edition + [name for name, value in _given(environment).items() if value != remembered.get(name)]


def _given(environment: os._Environ[str] | dict[str, str]) -> dict[str, str]:
    return {name: environment[name] for name in PINNED if environment.get(name)}


def _defaults(now: datetime) -> dict[str, str]:
    """The defaults of the first start. All of them are pinned, so that a new default changes no data."""
    fields = {name: SourceSettings.model_fields[name.removeprefix("SOURCE_").lower()] for name in PINNED}
    start = (now - timedelta(days=HISTORY_DAYS)).replace(hour=0, minute=0, second=0, microsecond=0)
    return {name: str(field.default) for name, field in fields.items()} | {
        "SOURCE_START": start.strftime("%Y-%m-%dT%H:%M:%SZ")
    }
