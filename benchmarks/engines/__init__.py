"""The engines, one module each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.engines.copy_limit import CopyLimit
from benchmarks.engines.dlt import Dlt
from benchmarks.engines.floor import Floor
from benchmarks.engines.gold import Gold, GoldLimit
from benchmarks.engines.gold_floor import GoldFloor
from benchmarks.engines.naive import Naive
from benchmarks.engines.ours import Ours
from benchmarks.engines.singer import LeanSinger, Singer

if TYPE_CHECKING:
    from benchmarks.engine import Engine

ENGINES: tuple[type[Engine], ...] = (Ours, Dlt, Singer, LeanSinger, Naive, Floor, CopyLimit, Gold, GoldLimit, GoldFloor)
USUAL = tuple(engine.name for engine in ENGINES if engine is not LeanSinger)
