"""Every engine in turn, round after round, each in a world of its own and held to the source's totals."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.machine import Machine, describe
from benchmarks.world import World, pipeline_settings, stage
from ingestion.customers import collect_customers
from ingestion.listing import collect_listing
from ingestion.products import collect_products
from ingestion.sales import collect_sales
from loaders.load_all_silver import load_all_silver
from medallion.database import connect
from medallion.errors import EngineFailed, EngineUnavailable
from stack.host.interrupts import uninterrupted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from benchmarks.engine import Engine, Timing
    from benchmarks.world import Stage, World
    from medallion.state.reconciliation import Totals
    from stack.host.console import Talk

_RUN_ID = "benchmark"


@dataclass(frozen=True)
class Measured:
    """What a comparison found; timings by engine, one a round. `skipped` says why an engine is missing."""

    machine: Machine
    totals: Totals
    rounds: int
    timings: dict[str, list[Timing]]
    titles: dict[str, str]
    skipped: dict[str, str] = field(default_factory=dict)


def compare(folder: Path, engines: Sequence[Engine], *, sales: int, rounds: int, talk: Talk) -> Measured:
    """Prepare what can be prepared, then run A B C, A B C, … Raises EngineFailed for the first that goes wrong."""
    machine, skipped = describe(), dict[str, str]()
    with stage(folder, sales, talk) as shared, loaded_world(shared, talk) as loaded:
        ready = []
        for engine in engines:
            try:
                with talk.step(f"prepare {engine.name}"):
                    engine.prepare(folder, shared, loaded)
                ready.append(engine)
            except EngineUnavailable as error:
                skipped[engine.name] = error.message
                talk.warn(f"{engine.name} is left out: {error.message}")
        timings: dict[str, list[Timing]] = {engine.name: [] for engine in ready}
        for number in range(1, rounds + 1):
            for engine in ready:
                timing = measure(shared, engine)
                timings[engine.name].append(timing)
                talk.done(f"round {number}: {engine.name}", timing.seconds)
    titles = {engine.name: engine.title for engine in ready}
    return Measured(machine, shared.totals, rounds, timings, titles, skipped)


def measure(shared: Stage, engine: Engine) -> Timing:
    """One run in a world of its own. Raises EngineFailed unless it loaded what the source holds."""
    with shared.empty_world(engine.starts_from, f"run_{engine.name.replace('-', '_')}") as world:
        timing = engine.run(world)
        with connect(world.database_url) as conn:
            loaded = engine.loaded(conn)
    wrong = [
        f"{name} {getattr(loaded, name):,} instead of {getattr(shared.totals, name):,}"
        for name in engine.counts
        if getattr(loaded, name) != getattr(shared.totals, name)
    ]
    if wrong:
        raise EngineFailed(
            f"{engine.name} did not load what the source holds: {', '.join(wrong)}",
            remedy="its figure would compare different work; fix its configuration in benchmarks/engines",
        )
    return timing


@contextmanager
def loaded_world(shared: Stage, talk: Talk) -> Iterator[World]:
    """The database `silver`, filled by our own pipeline, from which worlds are cloned and limits prepared."""
    world = replace(shared.world, database_url=shared.clone("empty", "silver"), folder=shared.world.folder / "loaded")
    shutil.rmtree(world.folder, ignore_errors=True)
    world.folder.mkdir(parents=True)
    settings = pipeline_settings(world)
    with talk.step("load Silver"), connect(world.database_url) as conn:
        collect_stores = partial(collect_listing, subject="stores")
        for collect in (collect_customers, collect_products, collect_stores, collect_sales):
            collect(conn, settings, run_id=_RUN_ID)
        load_all_silver(conn, settings, run_id=_RUN_ID)
    try:
        yield world
    finally:
        with uninterrupted():
            shutil.rmtree(world.folder, ignore_errors=True)
