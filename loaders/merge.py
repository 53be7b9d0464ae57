"""Upsert of rows into a Silver table: COPY where all rows are new, COPY and MERGE where they may not be.

Sales arrive in the order of their ids, so nearly all blocks lie completely above what the table holds. One
probe of the primary key shows it, and such a block is copied directly, twice as fast as through a MERGE.
Any other block goes to a temporary table and is merged: the newest version of each key wins, equal rows
are left alone and keep their `_load_id`. Both ways give the same table, whatever the order or the repeats.

Of a table that has one, the table of versions takes every row of the batch, whatever became of it here.
"""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING

from psycopg2 import sql

from medallion.process.fail_points import fail_point
from medallion.state.loads import RowCounts
from medallion.statements import identifiers, newest_first

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection

    from loaders.batch import Batch
    from loaders.dataset import Dataset
    from loaders.versions import Versions

# Bytes handed to the driver at a time. With its default of 8 KB the driver would need the interpreter two thousand
# times per block and wait for it each time, as the next block is parsed meanwhile.
_COPY_BYTES = 4_000_000

_STAGE = sql.Identifier("stage")

# The first key of the table from the block's least key on, by the primary key's order: it is read from the index,
# whatever the planner knows of a table that grows within the transaction. `exists (… between …)` scans the table.
_NEXT_IS_WITHIN = sql.SQL("select ({key}) <= %s from {table} where ({key}) >= %s order by {key} limit 1")

_CREATE_STAGE = sql.SQL("create temp table {stage} on commit drop as select * from {table} with no data")

_COPY = sql.SQL("copy {table} ({columns}, _load_id) from stdin with (format csv)")

_MERGE = sql.SQL(
    """
    with winner as (
        select distinct on ({key}) * from {stage} order by {key}, {newest_first}
    ),
    merged as (
        merge into {table} as target
        using winner as source on {same_key}
        when matched and ({source_ordering}) > ({target_ordering})
            then update set {assignments}, _load_id = source._load_id, _loaded_at = now()
        when not matched
            then insert ({columns}, _load_id) values ({source_columns}, source._load_id)
        returning merge_action() as action
    )
    select
        (select count(*) from winner),
        count(*) filter (where action = 'INSERT'),
        count(*) filter (where action = 'UPDATE')
    from merged
    """
)

# The fate of each winner, looked up in the table: a winner that is not in the table is in none of the three counts.
_FATES = sql.SQL(
    """
    select
        count(*) filter (where ({source_ordering}) = ({target_ordering}) and target._load_id <> source._load_id),
        count(*) filter (where ({source_ordering}) = ({target_ordering}) and target._load_id = source._load_id),
        count(*) filter (where ({source_ordering}) < ({target_ordering}))
    from (select distinct on ({key}) * from {stage} order by {key}, {newest_first}) as source
    inner join {table} as target on {same_key}
    """
)


def write_rows(conn: connection, dataset: Dataset, batch: Batch, versions: Versions) -> RowCounts:
    """Fold the batch into the dataset's table and its versions, in the caller's transaction. `read` counts its rows."""
    if batch.rows == 0:
        return RowCounts()
    if _all_new(conn, dataset, batch):
        _copy(conn, _table(dataset), dataset, batch)
        versions.append_between(conn, batch)
        return RowCounts(read=batch.rows, inserted=batch.rows)
    with staged(conn, dataset, batch) as stage:
        counts = _merge(conn, dataset, batch)
        versions.append(conn, stage, batch.rows)
    return counts


@contextmanager
def staged(conn: connection, dataset: Dataset, batch: Batch) -> Iterator[sql.Identifier]:
    """Copy the batch into a temporary table like the dataset's, drop it at the end. Yields its name."""
    with conn.cursor() as cursor:
        cursor.execute(_CREATE_STAGE.format(stage=_STAGE, table=_table(dataset)))
        _copy(conn, _STAGE, dataset, batch)
        yield _STAGE
        cursor.execute(sql.SQL("drop table {stage}").format(stage=_STAGE))


def _all_new(conn: connection, dataset: Dataset, batch: Batch) -> bool:
    """Whether no row of the table lies between the batch's least and greatest key, and no key comes twice in it.

    The whole key, not its first column: a block may begin in the middle of a sale's lines.
    """
    if batch.repeats_a_key:
        return False
    with conn.cursor() as cursor:
        query = _NEXT_IS_WITHIN.format(table=_table(dataset), key=identifiers(dataset.key))
        cursor.execute(query, (batch.greatest, batch.least))
        return cursor.fetchone() != (True,)


def _copy(conn: connection, table: sql.Composable, dataset: Dataset, batch: Batch) -> None:
    with conn.cursor() as cursor:
        statement = _COPY.format(table=table, columns=identifiers(dataset.columns))
        cursor.copy_expert(statement, io.BytesIO(batch.text), size=_COPY_BYTES)
    fail_point("silver.copied")


def _merge(conn: connection, dataset: Dataset, batch: Batch) -> RowCounts:
    parts = _parts(dataset)
    with conn.cursor() as cursor:
        cursor.execute(_MERGE.format(**parts))
        fail_point("silver.merged")
        winners, inserted, updated = cursor.fetchone() or (0, 0, 0)
        unchanged, of_this_load, older = 0, winners, 0
        if inserted + updated < winners:
            cursor.execute(_FATES.format(**parts))
            unchanged, of_this_load, older = cursor.fetchone() or (0, 0, 0)
    # Superseded by another row of this block, by an equal row of an earlier block, or by a newer row in the table.
    superseded = (batch.rows - winners) + (of_this_load - inserted - updated) + older
    return RowCounts(batch.rows, inserted, updated, unchanged, superseded)


def _parts(dataset: Dataset) -> dict[str, sql.Composable]:
    ordering = dataset.ordering
    changing = [name for name in dataset.columns if name not in dataset.key]
    return {
        "stage": _STAGE,
        "table": _table(dataset),
        "key": identifiers(dataset.key),
        "columns": identifiers(dataset.columns),
        "source_columns": identifiers(dataset.columns, "source"),
        "newest_first": newest_first(ordering),
        "same_key": sql.SQL(" and ").join(_pair(name) for name in dataset.key),
        "source_ordering": identifiers(ordering, "source"),
        "target_ordering": identifiers(ordering, "target"),
        "assignments": sql.SQL(", ").join(
            sql.SQL("{} = source.{}").format(sql.Identifier(name), sql.Identifier(name)) for name in changing
        ),
    }


def _table(dataset: Dataset) -> sql.Identifier:
    return sql.Identifier("silver", dataset.name)


def _pair(name: str) -> sql.Composed:
    return sql.SQL("target.{} = source.{}").format(sql.Identifier(name), sql.Identifier(name))
