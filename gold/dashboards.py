"""The views that dashboards read: which of them are missing, or not as their models define them any more.

A view lasts from one run to the next, whatever table under it is swapped (dbt/macros/inlined_view.sql). So a run builds
only those whose definition has changed, and an hour without an upgrade pays one query.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from gold import dbt_runner
from medallion.database import transaction
from medallion.statements import Statements
from medallion.yaml_files import read_yaml

if TYPE_CHECKING:
    from pathlib import Path

    from psycopg2.extensions import connection

_SQL = Statements(__file__)


def declared_views() -> list[str]:
    """The views for dashboards, without their schema."""
    return sorted(file.stem for file in _files())


def outgrown_views(conn: connection) -> list[str]:
    """Views for dashboards that do not exist, or that are of another definition than their models."""
    with transaction(conn):
        built = {name: comment.rpartition(" ")[2] for name, comment in _SQL.rows(conn, "comments_of_readers")}
    return sorted(file.stem for file in _files() if built.get(file.stem) != _definition(file))


def _files() -> list[Path]:
    """The `.yml` of each view; its SQL is next to it."""
    return list((dbt_runner.PROJECT_DIR / "models" / "gold" / "dashboards").glob("dashboard_*.yml"))


def _definition(file: Path) -> str:
    """The hash that the macro `definition` puts into the comment of the view's function."""
    [model] = read_yaml(file)["models"]
    columns = [f"{one['name']} {one['data_type']}" for one in model["columns"]]
    text = "\n".join([file.with_suffix(".sql").read_text(encoding="utf-8").strip(), *columns])
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
