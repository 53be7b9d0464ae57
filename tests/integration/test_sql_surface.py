"""The SQL surface: statements of a classic warehouse's handbook run as printed and give what plain SQL gives."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2.extensions import connection

from gold import build as gold
from medallion.database import connect
from medallion.settings import PROJECT_ROOT
from stack.commands.doctor_warehouse import examine_warehouse
from stack.commands.dump import dump_warehouse
from stack.commands.tools import find_program
from stack.host.settings import StackSettings
from stack.services.postgres.roles import ANALYST, READER, TRANSFORMATION, WAREHOUSE
from tests.postgres_server import PostgresServer
from tests.queries import execute, rows
from tests.roles import Platform, platform

FILE = Path(__file__).parents[1] / "cases" / "analyst_statements.sql"
PAGE = PROJECT_ROOT / "docs" / "sql.md"
# The period that the handbook names ends in the sample, and its last complete day is the last business date.
START, NOW = datetime(2025, 1, 28, tzinfo=timezone.utc), datetime(2025, 2, 1, 12, tzinfo=timezone.utc)
JANUARY = "sold_date between '2025-01-01' and '2025-01-31'"
ORDERS = "count(distinct case when not is_return then sale_id end)"
FIGURES = f"{ORDERS}, count(distinct case when is_return then sale_id end)"
SOLD_PER_ORDER = f"round(sum(case when not is_return then net_amount end) / nullif({ORDERS}, 0), 2)"
# What each statement must give, by its beginning: the same question, asked of meta, silver and gold.
PLAIN = {
    "SELECT COUNT(*) FROM dwh_fact_sales": "select count(*) from gold.sales_item",
    "SELECT COUNT(*) FROM dwh_dim_customers": "select count(*) from gold.dim_customer",
    "SELECT COUNT(*) FROM dwh_dim_products": "select count(*) from gold.dim_product",
    "SELECT * FROM vw_recent_etl_runs": "select * from meta.vw_recent_etl_runs",
    "SELECT * FROM temp_sales_report": f"""
        select
            sold_date, currency, {FIGURES}, count(distinct case when not is_return then customer_id end),
            sum(quantity), sum(gross_amount), sum(discount_amount), sum(net_amount),
            {SOLD_PER_ORDER}
        from gold.sales_item where {JANUARY} group by 1, 2 order by 1, 2
    """,
    "SELECT * FROM customer_metrics LIMIT 10": f"""
        select
            customer_id, currency, max(city), max(country), max(segment),
            min(sold_date) filter (where not is_return), max(sold_date) filter (where not is_return), {FIGURES},
            sum(quantity), sum(net_amount), sum(net_amount - cost_amount),
            {SOLD_PER_ORDER}
        from gold.sales_item inner join gold.dim_customer using (customer_id) group by 1, 2
    """,
    "SELECT fn_avg_quantity_per_customer(5)": """
        select round(sum(quantity)::numeric / count(distinct sale_id), 6)
        from gold.sales_item where customer_id = 5 and not is_return
    """,
    "SELECT fn_product_sales_velocity(10, 30)": """
        select round(sum(quantity) / 30.0, 6)
        from gold.sales_item where product_id = 10 and sold_date between '2025-01-02' and '2025-01-31'
    """,
    "SELECT * FROM fn_top_customers(10)": f"""
        select currency, place, customer_id, city, country, segment, sales, quantity, net from (
            select
                currency, row_number() over (partition by currency order by sum(net_amount) desc, customer_id) as place,
                customer_id, max(city) as city, max(country) as country, max(segment) as segment,
                {ORDERS} as sales, sum(quantity) as quantity, sum(net_amount) as net
            from gold.sales_item inner join gold.dim_customer using (customer_id) group by currency, customer_id
        ) where place <= 10 order by 1, 2
    """,
    "SELECT fn_product_group_performance('Electronics'": f"""
        select row(
            category, item.currency, count(distinct item.product_id), {FIGURES}, sum(quantity),
            sum(case when is_return then -quantity else 0 end), sum(gross_amount), sum(discount_amount),
            sum(net_amount), sum(net_amount - cost_amount)
        )::text
        from gold.sales_item as item inner join gold.dim_product_history using (product_version_key)
        where category = 'Electronics' and {JANUARY} group by category, item.currency order by item.currency
    """,
    "SELECT * FROM vw_etl_performance_summary": "select * from meta.vw_etl_performance_summary",
    "SELECT * FROM etl_logs WHERE status": """
        select
            load_id, layer || '.' || dataset, run_id, layer, dataset, status, started_at, ended_at, rows_read,
            rows_inserted, rows_updated, rows_rejected, error_message, error_type, remedy
        from meta.load where status = 'FAILED' order by started_at desc
    """,
    "SELECT table_name, last_updated": "select entity, updated_at from meta.ingestion_state order by updated_at desc",
    "SELECT 'operational' as layer": """
        select layer, count(*) from silver.sales_product, unnest(array['operational', 'mrr', 'stg']) as layer
        group by layer union all select 'dwh', count(*) from gold.sales_item
    """,
    "SELECT 1": "select 1",
    "SELECT error_message": "select error_message from meta.load where status = 'FAILED'",
}
NOT_BUILT = ("select * from dwh_fact_sales", "select * from dwh_dim_date", "select fn_top_customers(1)",
             "call sp_refresh_customer_metrics()")  # fmt: skip
SCHEMAS = "('operational'::regnamespace, 'mrr'::regnamespace, 'stg'::regnamespace, 'dwh'::regnamespace)"
VIEWS = f"select oid, oid::regclass::text from pg_class where relkind = 'v' and relnamespace in {SCHEMAS} order by 2"
# Whatever in our schemas for analysts would go, or stand in the way, with a table.
NEEDS = f"""
    select distinct pg_describe_object(classid, objid, objsubid)
    from pg_depend inner join pg_class as used on refclassid = 'pg_class'::regclass and used.oid = refobjid
    where used.relnamespace::regnamespace::text in ('meta', 'silver', 'gold') and (
        objid in (select oid from pg_proc where pronamespace in {SCHEMAS})
        or objid in (
            select rule.oid from pg_rewrite as rule inner join pg_class as made on made.oid = ev_class
            where made.relnamespace in {SCHEMAS}
        )
    )
"""


@dataclass(frozen=True)
class Surface:
    """A warehouse with an hour in it, and what the surface said before its first build."""

    made: Platform
    before: dict[str, str]
    counted_before: list[tuple[Any, ...]]


@pytest.fixture(scope="module")
def surface(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surface]:
    with platform(postgres_server, tmp_path_factory.mktemp("surface"), start=START, now=NOW) as made:
        with made.login(ANALYST) as conn:
            before = {statement: error_of(conn, statement) for statement in NOT_BUILT}
            counted = rows(conn, "select (select count(*) from sales), (select count(*) from stg_dim_products)")
        made.hour()
        with made.login(WAREHOUSE) as conn:
            execute(
                conn,
                "insert into meta.load (run_id, layer, dataset, status, ended_at, error_message)"
                " values ('hour', 'bronze', 'sales', 'FAILED', now(), 'the source was away')",
            )
        yield Surface(made, before, counted)


def printed() -> list[str]:
    """The statements of the handbook, without its remarks."""
    lines = [line for line in FILE.read_text(encoding="utf-8").splitlines() if not line.startswith("--")]
    return [one.strip() for one in "\n".join(lines).split(";") if one.strip()]


def error_of(conn: connection, statement: str) -> str:
    """What a statement is refused with."""
    with pytest.raises(psycopg2.Error) as refused:
        rows(conn, statement)
    conn.rollback()
    return str(refused.value)


def answer(conn: connection, statement: str) -> list[tuple[Any, ...]] | None:
    """Its rows, where it has any; what it has done stays."""
    with conn, conn.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else None


def runs_as_printed(conn: connection) -> None:
    """Run the handbook from beginning to end, and compare each answer with that of plain SQL."""
    compared = 0
    for statement in printed():
        failed = rows(conn, "select load_id from meta.load where status = 'FAILED'")[0][0]
        found = answer(conn, statement.replace("<id>", str(failed)))
        if found is None:
            assert statement.startswith("CALL ")
            continue
        (plain,) = (one for start, one in PLAIN.items() if statement.startswith(start))
        expected = rows(conn, plain)
        if "LIMIT" in statement:
            assert len(found) == min(10, len(expected))
            found = rows(conn, statement.split(" LIMIT")[0])
        assert expected != [], statement
        assert sorted(map(str, found)) == sorted(map(str, expected)), statement
        compared += 1
    assert compared >= len(PLAIN)


def test_before_the_first_build_gold_names_what_is_missing_and_silver_has_no_rows(surface: Surface) -> None:
    for statement, said in surface.before.items():
        assert "has not been built yet\nHINT:  The first run builds it: ./retail run" in said, statement
    assert surface.counted_before == [(0, 0)]


def test_every_statement_of_the_handbook_runs_as_printed_and_says_what_plain_sql_says(surface: Surface) -> None:
    with surface.made.login(ANALYST) as conn:
        runs_as_printed(conn)
        report, metrics = "select count(*) from temp_sales_report", "select count(*) from customer_metrics"
        held = rows(conn, report), rows(conn, metrics)
        answer(conn, "call sp_aggregate_sales_report('2025-01-31', '2025-01-31')")
        answer(conn, "call sp_refresh_customer_metrics()")
        assert rows(conn, report)[0] < held[0][0]  # replaced, with one day
        assert rows(conn, metrics) == held[1]
    with surface.made.login(READER) as conn:
        assert rows(conn, "select count(*) from analyst.customer_metrics") == held[1]


def test_every_example_of_the_page_runs(surface: Surface) -> None:
    blocks = re.findall(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    statements = [one for block in blocks for one in block.split(";") if one.strip()]
    assert len(statements) > 10
    with surface.made.login(ANALYST) as conn:
        for statement in statements:
            answer(conn, statement)
        objects = f"""
            select proname::text from pg_proc where pronamespace in {SCHEMAS} and proname ~ '^(fn|sp)_'
            union all select relname::text from pg_class where relkind = 'v' and relnamespace in {SCHEMAS}
        """
        page = PAGE.read_text(encoding="utf-8")
        assert [name for (name,) in rows(conn, objects) if f"`{name}" not in page] == []


def test_each_customer_and_product_has_its_own_figure(surface: Surface) -> None:
    """Customer 5 of the handbook has bought nothing in the sample."""
    asked = {
        "select customer_id, fn_avg_quantity_per_customer(customer_id) from dwh_dim_customers where is_current": """
            select customer_id, round(sum(quantity)::numeric / count(distinct sale_id), 6)
            from gold.dim_customer left join gold.sales_item using (customer_id)
            where is_return is distinct from true group by 1
        """,
        "select product_id, fn_product_sales_velocity(product_id, 2, '2025-01-30') from dwh_dim_products": """
            select product_id, round(coalesce(sum(quantity), 0) / 2.0, 6)
            from gold.dim_product_history left join gold.sales_item using (product_id)
            where sold_date between '2025-01-29' and '2025-01-30' group by 1
        """,
    }
    with surface.made.login(READER) as conn:
        for statement, plain in asked.items():
            found, expected = dict(rows(conn, statement)), dict(rows(conn, plain))
            assert {key: found[key] for key in expected} == expected
            assert len({value for value in expected.values() if value}) > len(expected) / 2


def test_a_reader_runs_all_but_the_procedures_which_name_the_role_to_use(surface: Surface) -> None:
    procedures = [one for one in printed() if one.startswith("CALL ")]
    with connect(surface.made.url(READER)) as conn:
        for statement in procedures:
            assert "HINT:  Log in as retail_analyst: ./retail psql --as analyst" in error_of(conn, statement)
        for statement in printed():
            if statement not in procedures and "temp_" not in statement and "metrics" not in statement:
                answer(conn, statement.replace("<id>", "1"))
        conn.set_session(readonly=False)  # a default that the reader may lift
        for statement in procedures:
            assert "HINT:  Log in as retail_analyst" in error_of(conn, statement)


def test_each_view_can_be_read_as_a_whole_and_shows_nothing_that_identifies_a_person(surface: Surface) -> None:
    with surface.made.login(WAREHOUSE) as conn:
        names = [name for _, name in rows(conn, VIEWS)]
        personal = {name for (name,) in rows(conn, "select unnest(personal_columns) from meta.dataset")}
        without_comment = "select oid::regclass::text from pg_class where oid = any(%s::regclass[]) and"
        with conn.cursor() as cursor:
            cursor.execute(f"{without_comment} obj_description(oid, 'pg_class') is null", [names])
            assert cursor.fetchall() == []
    assert personal >= {"email", "phone"}
    for role in (READER, ANALYST):
        with surface.made.login(role) as conn, conn.cursor() as cursor:
            for name in names:
                cursor.execute(f"select * from {name}")
                assert not {column.name for column in cursor.description or ()} & personal, name


def test_the_plan_of_a_view_is_that_of_its_table(surface: Surface) -> None:
    with surface.made.login(READER) as conn:
        for view, table in (("dwh_fact_sales", "gold.sales_item"), ("mrr_dim_products", "silver.products_version")):
            of_both = [rows(conn, f"explain select count(*) from {one} where product_id = 7") for one in (view, table)]
            assert of_both[0] == of_both[1]
            assert "Function Scan" not in str(of_both)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("select fn_avg_quantity_per_customer(null)", "customer is null"),
        ("select fn_avg_quantity_per_customer(987654321)", "customer 987654321 is not in gold.dim_customer"),
        ("select fn_product_sales_velocity(10, 0)", "days is 0: neither may be null, and days is from 1 to 36525"),
        ("select fn_product_sales_velocity(987654321, 30)", "product 987654321 is not in gold.dim_product"),
        ("select fn_product_sales_velocity(10, 30, 'infinity')", "no last day: up_to is infinity"),
        ("select fn_top_customers(0)", "top is 0: it must be 1 or more"),
        ("select fn_top_customers(3, 'XXX')", 'nothing was sold in the currency "XXX"\nHINT:  There are: CHF, EUR.'),
        (
            "select fn_product_group_performance('Electronic', '2025-01-01', '2025-01-31')",
            "no product has ever been in the group 'Electronic'\nHINT:  There are: ",
        ),
        (
            "select fn_product_group_performance('Electronics', '2025-01-31', '2025-01-01')",
            "first_day is 2025-01-31, last_day is 2025-01-01: neither may be null, and the first day may not be after",
        ),
        ("call sp_aggregate_sales_report(null, '2025-01-31')", "first_day is null, last_day is 2025-01-31: neither"),
    ],
)
def test_a_wrong_argument_is_named_with_its_value_and_the_rule(surface: Surface, call: str, said: str) -> None:
    with surface.made.login(ANALYST) as conn:
        error = error_of(conn, call)
    assert said in error
    assert "HINT: " in error


@pytest.mark.slow
def test_no_table_is_needed_and_a_full_refresh_and_a_night_leave_the_surface_as_it_was(surface: Surface) -> None:
    of_table = "select 'gold.sales_item'::regclass::oid, 'gold.dim_date'::regclass::oid"
    with surface.made.login(WAREHOUSE) as conn, surface.made.login(ANALYST) as analyst:
        assert rows(conn, NEEDS) == []
        before, tables = rows(conn, VIEWS), rows(conn, of_table)
        answer(analyst, "prepare kept as select count(*) from dwh_fact_sales")
        for _ in range(6):  # a generic plan
            first = answer(analyst, "execute kept")
        told = {"run_id": "again", "full_refresh": True}
        with surface.made.login(TRANSFORMATION) as builder:
            gold.build_core(builder, surface.made.settings, **told)  # type: ignore[arg-type]
            gold.build_mart(builder, surface.made.settings, now=NOW, **told)  # type: ignore[arg-type]
        assert all(old != new for old, new in zip(tables[0], rows(conn, of_table)[0], strict=True))
        assert rows(conn, VIEWS) == before != []
        assert answer(analyst, "execute kept") == first
        runs_as_printed(analyst)


def test_tables_of_the_analyst_are_in_no_backup_and_its_views_of_our_tables_are_named(
    surface: Surface, tmp_path: Path
) -> None:
    made = surface.made
    with made.login(ANALYST) as conn:
        answer(conn, "create view analyst.fragile as select sale_id from gold.sales_item")
        answer(conn, "create table analyst.of_rows (held silver.stores[])")
        answer(conn, "create table analyst.mine as select sale_id from dwh_fact_sales")
    with made.login(WAREHOUSE) as conn:
        found = {one.name: one for one in examine_warehouse(conn)}
        assert (found["analyst: views"].state, found["analyst: rights"].state) == ("warn", "ok")
        assert found["analyst: views"].found.endswith(": analyst.fragile, analyst.of_rows")
        dump_warehouse(find_program(StackSettings(), "pg_dump"), made.url(WAREHOUSE), tmp_path / "dump")
        dumped = (tmp_path / "dump").read_bytes()
        assert b"CREATE VIEW dwh.dwh_fact_sales" in dumped
        assert b"CREATE TABLE analyst" not in dumped
    with made.login(ANALYST) as conn:
        answer(conn, "drop view analyst.fragile; drop table analyst.mine, analyst.of_rows")


def test_nobody_writes_to_a_table_of_metrics_that_another_role_has_made(surface: Surface) -> None:
    """Its triggers would run with the rights of whoever writes."""
    with surface.made.login(ANALYST) as conn:
        answer(conn, "call sp_refresh_customer_metrics()")
        answer(conn, "grant all on customer_metrics to retail")
    with surface.made.login(WAREHOUSE) as conn:
        said = error_of(conn, "call dwh.sp_refresh_customer_metrics()")
    assert "analyst.customer_metrics belongs to retail_analyst, not to retail" in said
