"""The limit that the benchmark sets next to each model of Gold: the same table, by `create table as`."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg2.extensions import connection

from benchmarks.engines import gold_floor
from benchmarks.engines.gold_floor import TABLES
from medallion.process.steps import CORE, MARTS
from medallion.settings import Settings
from medallion.statements import Statements
from tests.conftest import Source
from tests.integration.test_histories import arrive
from tests.pipeline import build_untested, hour
from tests.queries import content_of, execute, rows

COLUMNS = """
    select attname, format_type(atttypid, atttypmod) from pg_attribute
    where attrelid = 'gold.{}'::regclass and attnum > 0 and not attisdropped order by attnum
"""
INDEXES = """
    select indisunique, indisprimary, split_part(pg_get_indexdef(indexrelid), ' USING ', 2) from pg_index
    where indrelid = 'gold.{}'::regclass order by 1, 2, 3
"""


def shape(conn: connection, table: str) -> dict[str, list[tuple[Any, ...]]]:
    return {"columns": rows(conn, COLUMNS.format(table)), "indexes": rows(conn, INDEXES.format(table))}


@pytest.mark.slow
def test_each_table_of_the_limit_is_the_one_that_its_model_builds(
    conn: connection, settings: Settings, source: Source
) -> None:
    arrive(conn, settings, (1, "Lyon"), (2, "Nice"), (3, "Nice"))
    hour(conn, settings)
    for table in ("products", "products_version"):
        execute(
            conn, f"delete from silver.{table} where product_id = (select min(product_id) from silver.sales_product)"
        )
    build_untested(conn, settings)
    built = {table: (shape(conn, table), content_of(conn, f"gold.{table}")) for table in TABLES}
    assert all(count for _, (count, _) in built.values())
    execute(conn, f"drop table {', '.join((*CORE, *MARTS))}")
    statements = Statements(gold_floor.__file__)
    for table in TABLES:
        with conn:
            statements.execute(conn, table)
        assert (shape(conn, table), content_of(conn, f"gold.{table}")) == built[table], table
