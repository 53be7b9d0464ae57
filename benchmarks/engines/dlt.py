"""dlt: its rest_api source into its Postgres destination, merged by key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.commands import timed
from benchmarks.engine import NET_AMOUNT, Engine, Timing, totals_of
from benchmarks.environments import python_of
from medallion.settings import PROJECT_ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from psycopg2.extensions import connection

    from benchmarks.world import Stage, World
    from medallion.state.reconciliation import Totals

PROGRAM = PROJECT_ROOT / "benchmarks" / "programs" / "load_with_dlt.py"


class Dlt(Engine):
    """API → `bench.sales` and `bench.sales__lines`, typed as Silver is."""

    name = "dlt"
    title = "dlt: rest_api → Postgres, merge"
    _python = ""

    def prepare(self, folder: Path, shared: Stage, loaded: World) -> None:
        """Its environment."""
        self._python = str(python_of(folder, "dlt"))

    def run(self, world: World) -> Timing:
        """The whole command. Settings of dlt's own are explained in benchmarks/README.md."""
        variables = world.variables() | {
            "DLT_DATA_DIR": str(world.folder / "dlt"),
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "SOURCES__DATA_WRITER__FILE_MAX_ITEMS": "20000",
            "NORMALIZE__WORKERS": "2",
        }
        return timed([[self._python, str(PROGRAM)]], variables, world.folder)

    def loaded(self, conn: connection) -> Totals:
        """What its own tables hold."""
        return totals_of(
            conn,
            "select count(*) from bench.sales",
            f"select count(*), {NET_AMOUNT} from bench.sales__lines",  # noqa: S608 - a constant of ours
        )
