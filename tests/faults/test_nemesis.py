"""A day and more of random faults: nothing is lost, nothing is doubled, and every class of fault took effect.

`RETAIL_NEMESIS_HOURS=500 RETAIL_NEMESIS_SEED=7 ./retail test tests/faults/test_nemesis.py` runs a long one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg2.extensions import connection

from medallion.settings import Settings
from tests.conftest import KEY, serving
from tests.faults.conftest import Injection
from tests.faults.nemesis import Nemesis, SpoiltSource
from tests.faults.oracle import check_recovered
from tests.faults.world import SMALL, World

HOURS = int(os.environ.get("RETAIL_NEMESIS_HOURS", "24"))
SEEDS = [int(os.environ.get("RETAIL_NEMESIS_SEED", "1"))]  # a seed that has failed stays in this list


@pytest.fixture
def hunted(database_url: str, conn: connection, tmp_path: Path) -> Iterator[World]:
    source = SpoiltSource()
    with serving(source.app) as url:
        chosen = Settings(
            database_url=database_url, source_api_url=url, source_api_key=KEY, retail_home=tmp_path, **SMALL
        )
        world = World(source, chosen, conn)
        world.commit_first_hour()
        world.commit_second_hour()
        try:
            yield world
        finally:
            source.release()


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_mix_of_faults_loses_and_doubles_nothing(hunted: World, injected: Injection, seed: int) -> None:
    nemesis = Nemesis(hunted, seed)
    said = f"nemesis: seed {seed}, {HOURS} hours"
    try:
        nemesis.run(HOURS)
    finally:
        sys.stderr.write(f"\n{said}; took effect: {dict(nemesis.took_effect)}\n")
    hunted.run_clean()
    check_recovered(hunted)
    idle = [name for name in nemesis.classes if not nemesis.took_effect[name]]
    injected(happened=not idle)
    assert idle == []
