"""Silver → Gold: our dbt steps, and as a limit the statements that they sent, sent again by psql."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url

from benchmarks.commands import timed
from benchmarks.engine import Engine, Timing, totals_of
from benchmarks.world import World, pipeline_environment
from medallion.database import connect
from medallion.settings import PROJECT_ROOT
from stack.commands.tools import find_program
from stack.host.settings import StackSettings

if TYPE_CHECKING:
    from pathlib import Path

    from psycopg2.extensions import connection

    from benchmarks.world import Stage
    from medallion.state.reconciliation import Totals

# From the first statement of a model's transaction to its last but the commit.
_MODELS = """
    select dataset, extract(epoch from ended_at - started_at)::float
    from meta.load where layer = 'gold' and status = 'SUCCESS' order by load_id
"""
_BUILD = [sys.executable, "-m", "benchmarks.programs.build_gold"]


class Gold(Engine):
    """All of Silver into an empty Gold: core and its tests, then the marts, then all tests."""

    name = "gold"
    title = "ours: dbt build of core with its tests, then marts, then all tests"
    starts_from = "silver"

    def run(self, world: World) -> Timing:
        """The whole command, how long each step worked once dbt was loaded, and each model by its load."""
        variables = pipeline_environment(world) | {"PYTHONPATH": str(PROJECT_ROOT)}
        timing = timed([_BUILD], variables, world.folder)
        steps = json.loads((world.folder / "out").read_text(encoding="utf-8"))
        with connect(world.database_url) as conn, conn.cursor() as cursor:
            cursor.execute(_MODELS)
            return replace(timing, steps=steps | dict(cursor.fetchall()))

    def loaded(self, conn: connection) -> Totals:
        """What the fact holds."""
        return totals_of(
            conn,
            "select count(distinct sale_id) from gold.sales_item",
            "select count(*), coalesce(sum(net_amount), 0) from gold.sales_item",
        )


class GoldLimit(Gold):
    """The same statements in one session, in the order of the models, by psql."""

    name = "psql"
    title = "limit: the same Gold SQL by psql"
    _script: Path
    _psql = ""

    def prepare(self, folder: Path, shared: Stage, loaded: World) -> None:
        """Build Gold once with dbt's log as JSON, and keep every statement of a model or test."""
        self._psql = find_program(StackSettings(), "psql")
        variables = {"PYTHONPATH": str(PROJECT_ROOT), "DBT_LOG_FORMAT_FILE": "json", "DBT_LOG_LEVEL_FILE": "debug"}
        self._script = loaded.folder / "gold.sql"
        with shared.empty_world("silver", "recording") as world:
            timed([_BUILD], pipeline_environment(world) | variables, world.folder)
            statements = statements_of(world.folder / "dbt" / "logs" / "dbt.log")
            database = f'"{make_url(world.database_url).database}".'  # dbt names it, and every run has another
            self._script.write_text(statements.replace(database, ""), encoding="utf-8")

    def run(self, world: World) -> Timing:
        """One psql that stops at the first error."""
        url = make_url(world.database_url)
        variables = {
            "PGHOST": str(url.host),
            "PGPORT": str(url.port),
            "PGUSER": str(url.username),
            "PGPASSWORD": str(url.password),
            "PGDATABASE": str(url.database),
        }
        command = [self._psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(self._script)]
        return timed([command], variables, world.folder)


def statements_of(log: Path) -> str:
    """The statements of models and tests in dbt's JSON log, node by node, each node's transaction closed."""
    nodes: dict[str, list[str]] = {}
    for line in log.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        data = event["data"]
        if event["info"]["name"] == "SQLQuery" and str(data.get("conn_name", "")).startswith(("model.", "test.")):
            nodes.setdefault(data["conn_name"], []).append(data["sql"].strip().rstrip(";"))
    return "".join(f"{statement};\n" for statements in nodes.values() for statement in (*statements, "commit"))
