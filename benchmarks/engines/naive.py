"""The naive way: requests, a loop, execute_values, as a tutorial does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.commands import timed
from benchmarks.engine import Engine, Timing, silver_totals
from benchmarks.environments import python_of
from medallion.settings import PROJECT_ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from psycopg2.extensions import connection

    from benchmarks.world import Stage, World
    from medallion.state.reconciliation import Totals

PROGRAM = PROJECT_ROOT / "benchmarks" / "programs" / "load_naively.py"


class Naive(Engine):
    """API → the same tables, a page a transaction, no validation, no files, no watermark."""

    name = "naive"
    title = "naive: requests, a loop, execute_values"
    _python = ""

    def prepare(self, folder: Path, shared: Stage, loaded: World) -> None:
        """Its environment."""
        self._python = str(python_of(folder, "naive"))

    def run(self, world: World) -> Timing:
        """The whole command."""
        return timed([[self._python, str(PROGRAM)]], world.variables(), world.folder)

    def loaded(self, conn: connection) -> Totals:
        """It writes to Silver's own tables."""
        return silver_totals(conn)
