"""The hour's steps, called one after the other in the test's own process."""

from __future__ import annotations

from functools import partial

from psycopg2.extensions import connection

from gold import build as gold
from ingestion.customers import collect_customers
from ingestion.listing import collect_listing
from ingestion.products import collect_products
from ingestion.sales import collect_sales
from loaders.load_all_silver import load_all_silver
from medallion.database import transaction
from medallion.process.steps import CORE
from medallion.settings import Settings
from medallion.state.gold_progress import close_gold_test, mark_core_tested, open_gold_test


def hour(conn: connection, settings: Settings, *, entities: str = "customers products stores sales") -> None:
    """Everything up to Silver."""
    collectors = {
        "customers": collect_customers,
        "products": collect_products,
        "stores": partial(collect_listing, subject="stores"),
        "sales": collect_sales,
    }
    for entity in entities.split():
        collectors[entity](conn, settings, run_id="hour")
    load_all_silver(conn, settings, run_id="hour")


def build(conn: connection, settings: Settings, *, full_refresh: bool = False) -> None:
    """Everything from Silver to tested Gold."""
    gold.prepare(conn, settings, run_id="hour", full_refresh=full_refresh)
    gold.build_core(conn, settings, run_id="hour", full_refresh=full_refresh)
    gold.build_mart(conn, settings, run_id="hour", full_refresh=full_refresh)
    gold.check_gold(conn, settings, run_id="hour")


def build_untested(conn: connection, settings: Settings) -> None:
    """As `build`, in one command of dbt and as if its tests had passed: for tests of what the tables hold.

    It takes a third of the time, and leaves out the views for dashboards.
    """
    gold.prepare(conn, settings, run_id="hour")
    gold._step(conn, settings, ["run", "--select", "tag:core", "tag:mart"], "hour", "dbt_run_core")
    with transaction(conn):
        mark_core_tested(conn, CORE, "hour")
        open_gold_test(conn)
        close_gold_test(conn)


def build_views(conn: connection, settings: Settings, *names: str) -> None:
    """Build views for dashboards over the tables that are there."""
    gold._step(conn, settings, ["run", "--select", *names], "hour", "dbt_run_mart")
