"""What superset/ declares, with what dbt knows of the relations of Gold."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from dashboards.bundle import Declared
from dashboards.declared import read_dashboards, read_datasets
from dashboards.relations import read_relations
from dashboards.roles import require_roles
from gold.dbt_runner import PROJECT_DIR
from stack.commands.tools import dbt_environment, run_dbt
from stack.services.superset import superset_folder

if TYPE_CHECKING:
    from pathlib import Path

    from stack.host.console import Talk
    from stack.host.home import Home


def declared_dashboards(home: Home, talk: Talk) -> Declared:
    """What superset/ declares, with dbt's manifest of the project as it is now. Raises DashboardInvalid."""
    dashboards, datasets = read_dashboards(), read_datasets()
    require_roles(dashboards)
    with talk.step("dbt's manifest"), home.locked("superset-manifest"):
        return Declared(dashboards, datasets, read_relations(_write_manifest(home)))


def _write_manifest(home: Home) -> Path:
    """The manifest of dbt's project as it is now; dbt writes it again if a file of the project has changed.

    No warehouse is asked. It has a folder of its own: the address of a warehouse is a part of what dbt keeps for its
    next start.
    """
    place = superset_folder(home) / "dbt"
    manifest, stamp = place / "manifest.json", place / "stamp"
    wanted = _state_of_project()
    if manifest.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return manifest
    no_warehouse = dict.fromkeys(
        ("RETAIL_PG_HOST", "RETAIL_PG_USER", "RETAIL_PG_PASSWORD", "RETAIL_PG_DATABASE"), "none"
    )
    environment = dbt_environment(home, {**os.environ, **no_warehouse}) | {"DBT_TARGET_PATH": str(place)}
    run_dbt(home, environment, "deps")
    run_dbt(home, environment, "parse")
    stamp.write_text(wanted, encoding="utf-8")
    return manifest


def _state_of_project() -> str:
    """A hash of the names, times and sizes of the files that dbt reads."""
    files = (one for folder in ("models", "macros", "packages", "tests") for one in (PROJECT_DIR / folder).rglob("*.*"))
    states = (
        (str(one), one.stat().st_mtime_ns, one.stat().st_size) for one in (*files, PROJECT_DIR / "dbt_project.yml")
    )
    return hashlib.sha256(str(sorted(states)).encode()).hexdigest()
