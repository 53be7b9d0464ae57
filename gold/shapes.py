"""Whether the tables of Gold have the columns of their models: an upgrade may have given a model others.

dbt refuses to add rows to a table of another shape. So the run that finds one builds Gold from the beginning, and
readers keep the old tables until the new ones are there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gold import dbt_runner
from medallion.database import transaction
from medallion.statements import Statements
from medallion.yaml_files import read_yaml

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg2.extensions import connection

_SQL = Statements(__file__)
_FOLDERS = ("core", "marts")


def outgrown_tables(conn: connection, folders: Sequence[str] = _FOLDERS) -> list[str]:
    """Tables of Gold whose columns are not those that their models declare, as `gold.sales_item`.

    `folders`: of the models; by default those that take increments.
    """
    with transaction(conn):
        built = {name: set(columns) for name, columns in _SQL.rows(conn, "columns_of_gold")}
    declared = _declared_columns(folders)
    return sorted(f"gold.{name}" for name in built.keys() & declared if built[name] != declared[name])


def _declared_columns(folders: Sequence[str]) -> dict[str, set[str]]:
    """The columns of each model in these folders, from the contract next to it."""
    models = dbt_runner.PROJECT_DIR / "models" / "gold"
    files = (file for folder in folders for file in (models / folder).glob("*.yml"))
    contracts = (one for file in files for one in read_yaml(file).get("models", []))
    return {one["name"]: {column["name"] for column in one["columns"]} for one in contracts if "columns" in one}
