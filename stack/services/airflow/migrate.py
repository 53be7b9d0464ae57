"""Migration of Airflow's metadata database to the installed version, only when it is needed.

`airflow db migrate` costs several seconds even when there is nothing to do, most of them imports. So Airflow's version
and the revision after the migration are remembered; while both stay the same, it is not called again.
"""

from __future__ import annotations

import subprocess
from importlib.metadata import version
from typing import TYPE_CHECKING

from medallion.errors import DatabaseError
from stack.services.airflow.service import AIRFLOW
from stack.services.processes import Service, start, stop

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stack.host.console import Talk
    from stack.host.home import Home
    from stack.services.airflow.metadata import Metadata

_NAME = "airflow-migrate"
_SECONDS = 600


def prepare_metadata(home: Home, environment: Mapping[str, str], metadata: Metadata, talk: Talk) -> None:
    """Create or upgrade Airflow's tables. Raises DatabaseError."""
    revision = metadata.revision()
    if revision and home.recall("airflow") == {"version": version("apache-airflow"), "revision": revision}:
        return
    with talk.step("Airflow metadata"), home.locked("migrating"):
        _migrate(home, environment)
    home.remember("airflow", {"version": version("apache-airflow"), "revision": metadata.revision()})


def _migrate(home: Home, environment: Mapping[str, str]) -> None:
    try:
        code = start(home, Service(_NAME, (*AIRFLOW, "db", "migrate"), environment)).wait(_SECONDS)
    except subprocess.TimeoutExpired:
        code = -1
    finally:
        stop(home, [_NAME])
    if code != 0:
        log = home.logs / f"{_NAME}.log"
        raise DatabaseError(
            "airflow db migrate failed: Airflow's metadata database is not ready",
            remedy=f"see {log}, then start again",
        )
