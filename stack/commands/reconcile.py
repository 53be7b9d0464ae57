"""`./retail reconcile`: compares the source's totals with Bronze, Silver and Gold, and repairs sales."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medallion.database import connect
from medallion.process.step import hand_run_id
from medallion.schema import prepare_schema
from quality.reconcile import reconcile_sales
from quality.repair import repair_sales
from stack.services.warehouse import platform, with_source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stack.host.console import Talk
    from stack.host.home import Home
    from stack.host.settings import StackSettings


def reconcile(home: Home, settings: StackSettings, talk: Talk, *, whole: bool, accept: bool) -> str:
    """Check what is new or open, with `whole` everything; starts warehouse and source if need be. Returns the verdict.

    `accept` records the differences as accepted. Raises DataQualityError for any other difference.
    """
    with platform(home, settings, talk) as endpoints, connect(endpoints.database_url) as conn:
        prepare_schema(conn)
        pointed = with_source(settings, endpoints)
        return reconcile_sales(conn, pointed, run_id=hand_run_id(), whole=whole, accept=accept).summary()


def repair(home: Home, settings: StackSettings, talk: Talk, ids: Sequence[int]) -> str:
    """Pull these sales again, so that the next run replaces them in Silver. Returns what was done."""
    with platform(home, settings, talk) as endpoints, connect(endpoints.database_url) as conn:
        prepare_schema(conn)
        return repair_sales(conn, with_source(settings, endpoints), ids, run_id=hand_run_id()).summary()
