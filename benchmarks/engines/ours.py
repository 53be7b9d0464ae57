"""Ours: the pipeline's own steps with their shipped defaults; both Silver tables at once, as the scheduler has them."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from benchmarks.commands import timed
from benchmarks.engine import Engine, Timing, silver_totals
from benchmarks.world import World, pipeline_environment
from medallion.settings import PROJECT_ROOT

if TYPE_CHECKING:
    from psycopg2.extensions import connection

    from medallion.state.reconciliation import Totals


class Ours(Engine):
    """API → Bronze → Silver."""

    name = "ours"
    title = "ours: Bronze files, receipts, validation, merge"

    def run(self, world: World) -> Timing:
        """The whole command; its steps as it reports them."""
        command = [sys.executable, "-m", "benchmarks.programs.load_with_ours"]
        variables = pipeline_environment(world) | {"PYTHONPATH": str(PROJECT_ROOT)}
        timing = timed([command], variables, world.folder)
        return replace(timing, steps=json.loads((world.folder / "out").read_text(encoding="utf-8")))

    def loaded(self, conn: connection) -> Totals:
        """What Silver holds."""
        return silver_totals(conn)
