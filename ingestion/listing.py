"""Collect an entity that needs no code beyond its declaration: `python -m ingestion.listing suppliers`.

Its records land unchanged in one dataset.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ingestion.collector import collect
from ingestion.entity import Entity, PullResult
from medallion.bronze.ndjson import Ndjson
from medallion.entities.registry import ENTITIES
from medallion.process.step import hand_run_id, one_named, run_step

if TYPE_CHECKING:
    from psycopg2.extensions import connection

    from medallion.entities.entity import Entity as Declaration
    from medallion.settings import Settings


def pull_of(declared: Declaration) -> Entity:
    """The `Entity` of a declared entity that lands in one dataset."""
    (dataset,) = declared.datasets
    return Entity(
        name=declared.name,
        datasets=(dataset,),
        split_by_dataset=lambda records: {dataset: Ndjson.of(records)},
        key=declared.key,
        lasting=declared.lasting,
        order=declared.order,
        is_optional=declared.is_optional,
    )


def collect_listing(
    conn: connection, settings: Settings, *, subject: str, run_id: str, full_refresh: bool = False
) -> PullResult:
    """Pull the new or changed records of the entity `subject`. See `ingestion.collector.collect` for errors."""
    return collect(pull_of(ENTITIES[subject]), conn, settings, run_id=run_id, full_refresh=full_refresh)


def _step(conn: connection, settings: Settings) -> str:
    listed = (name for name, declared in ENTITIES.items() if len(declared.datasets) == 1)
    subject = one_named(sys.argv[1:], listed, "entity of one dataset")
    return collect_listing(conn, settings, subject=subject, run_id=hand_run_id()).summary()


if __name__ == "__main__":
    run_step(_step)
