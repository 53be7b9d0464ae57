"""Every figure is what its definition says in words: recomputed from the fact by SQL that was written by hand."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any

import pytest
from psycopg2.extensions import connection

from gold import dbt_runner
from gold.build import build_nightly_as_of
from medallion.metrics import measures, metrics, value
from medallion.process.steps import MARTS
from medallion.settings import Settings
from tests.conftest import NOON, Source
from tests.integration.test_gold_rebuild import execute
from tests.pipeline import build_untested, hour
from tests.queries import rows

SOLD, BACK = "filter (where quantity >= 0)", "filter (where quantity < 0)"
ORDERS = f"nullif(count(distinct sale_id) {SOLD}, 0)"
# By the metric's description, from columns that the source has, and from no definition.
METRICS = {
    "net_revenue": "sum(quantity * unit_price - discount_amount)",
    "gross_revenue": "sum(quantity * unit_price)",
    "discounts": "sum(discount_amount)",
    "returned_revenue": f"coalesce(sum(abs(net_amount)) {BACK}, 0)",
    "sold_revenue": f"coalesce(sum(net_amount) {SOLD}, 0)",
    "cost": "coalesce(sum(cost_amount), 0)",
    "costed_revenue": "coalesce(sum(net_amount) filter (where cost_amount is not null), 0)",
    "margin": "coalesce(sum(quantity * unit_price - discount_amount - cost_amount), 0)",
    "orders": f"count(distinct sale_id) {SOLD}",
    "returns": f"count(distinct sale_id) {BACK}",
    "units": "sum(quantity)",
    "returned_units": f"coalesce(sum(abs(quantity)) {BACK}, 0)",
    "sold_units": f"coalesce(sum(quantity) {SOLD}, 0)",
    "active_customers": f"count(distinct customer_id) {SOLD}",
    "average_order_value": f"sum(net_amount) {SOLD} / {ORDERS}",
    "items_per_order": f"sum(quantity) {SOLD}::numeric / {ORDERS}",
    "return_rate": f"coalesce(sum(abs(net_amount)) {BACK}, 0) / nullif(sum(net_amount) {SOLD}, 0)",
    "margin_rate": "sum(net_amount - cost_amount) / nullif(sum(net_amount) filter (where cost_amount is not null), 0)",
    "discount_share": "sum(discount_amount) / nullif(sum(quantity * unit_price), 0)",
}
# Of a whole period: customers by currency.
PERIODS = {
    "repeat_customers": "count(*) filter (where orders >= 2)",
    "repeat_rate": "count(*) filter (where orders >= 2)::numeric / nullif(count(*) filter (where orders >= 1), 0)",
}
# Of the life of a customer, worked out in Python.
CUSTOMERS = ("new_customers", "won_back_customers", "lapsed_customers")
LAPSE = timedelta(days=90)
MEASURES = {
    "sale_count": METRICS["orders"],
    "return_count": METRICS["returns"],
    "line_count": "count(*)",
    "quantity": METRICS["units"],
    "returned_quantity": METRICS["returned_units"],
    "gross_amount": METRICS["gross_revenue"],
    "discount_amount": METRICS["discounts"],
    "net_amount": METRICS["net_revenue"],
    "returned_amount": METRICS["returned_revenue"],
    "cost_amount": METRICS["cost"],
    "costed_net_amount": METRICS["costed_revenue"],
    "margin_amount": METRICS["margin"],
}
GRAINS = {
    "mart_daily_kpis": "sold_date, currency",
    "mart_sales_by_category": "sold_date, store_id, channel, category, currency",
    "mart_sales_by_customer": "sold_date, customer_id, currency",
    "mart_sales_by_hour": "date_trunc('hour', sold_at, 'UTC'), store_id, channel, currency",
    "mart_sales_by_product": "sold_date, product_id, currency",
    "mart_sales_by_store": "sold_date, store_id, currency",
}

FACT = """
    gold.sales_item inner join (select product_version_key, category from gold.dim_product_history) as product
    using (product_version_key)
"""


@pytest.fixture
def gold(conn: connection, settings: Settings, source: Source) -> connection:
    """Days of sales with returns and discounts, in two currencies: in one of them no product's cost is known."""
    hour(conn, settings)
    execute(conn, "update silver.sales_customer set currency = 'CHF' where sale_id % 3 = 0")
    execute(conn, "update silver.sales_customer set sold_at = sold_at - interval '200 days' where sale_id <= 40")
    build_untested(conn, settings)
    some = "count(distinct currency), bool_or(is_return), bool_or(discount_amount > 0)"
    found = f"select {some}, bool_or(cost_amount is null), bool_or(cost_amount < 0) from gold.sales_item"
    assert rows(conn, found) == [(2, True, True, True, True)]
    return conn


def by_name(conn: connection, query: str) -> list[dict[str, Any]]:
    with conn, conn.cursor() as cursor:
        cursor.execute(query)
        names = [one.name for one in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def test_every_metric_of_a_day_is_what_the_fact_says(gold: connection) -> None:
    texts = ", ".join(f"{text} as {name}" for name, text in METRICS.items())
    expected = by_name(gold, f"select {texts} from gold.sales_item group by sold_date, currency order by 1, 2, 3")
    order = "net_amount, gross_amount, discount_amount"
    days = by_name(gold, f"select * from gold.mart_daily_kpis order by {order}")
    assert len(days) == len(expected) > 8
    for day, metric in zip(days, expected, strict=True):
        for name, right in metric.items():
            found = value(name, day)
            assert (found is None) == (right is None)
            assert found is None or abs(found - Decimal(right)) < Decimal("1e-12"), name
            if name in day:  # a ratio that is a column, rounded for its unit
                places = 2 if metrics()[name].unit == "money" else 6
                assert day[name] == (None if right is None else round(Decimal(right), places)), name


def test_repeat_customers_of_a_period_are_what_the_fact_says(gold: connection) -> None:
    """They follow from orders by customer, which one mart has."""
    select = f"select {', '.join(PERIODS.values())} from ({{}}) as customer group by currency order by currency"
    fact = f"select currency, customer_id, {METRICS['orders']} as orders from gold.sales_item group by 1, 2"
    mart = "select currency, customer_id, sum(sale_count) as orders from gold.mart_sales_by_customer group by 1, 2"
    assert rows(gold, select.format(mart)) == rows(gold, select.format(fact))
    assert all(repeat > 0 for repeat, _ in rows(gold, select.format(fact)))
    assert metrics()["repeat_customers"].filter == "{{ Metric('orders', group_by=['customer']) }} >= 2"


def test_customers_who_come_leave_and_return_are_what_the_fact_says(gold: connection, settings: Settings) -> None:
    until = NOON.date() - timedelta(days=1)
    build_nightly_as_of(gold, settings, ["gold.fct_customer_behavior"], until, run_id="night")
    days = "select distinct customer_id, sold_date from gold.sales_item where not is_return order by 1, 2"
    expected = lives([(customer, day) for customer, day in rows(gold, days) if day <= until], until)
    assert all(expected.values())
    for name in CUSTOMERS:
        measure = measures()[metrics()[name].measure]
        assert (measure.model, measure.aggregation) == ("fct_customer_behavior", "count_distinct")
        counted = f"select event_date, count(distinct {measure.expression}) from gold.fct_customer_behavior group by 1"
        assert {day: count for day, count in rows(gold, counted) if count} == expected[name], name


def lives(purchases: list[tuple[int, date]], until: date) -> dict[str, Counter[date]]:
    """How many customers are new, won back or lapsed on each day, from the days on which each has bought."""
    found: dict[str, Counter[date]] = {name: Counter() for name in CUSTOMERS}
    for _, days in groupby(purchases, key=itemgetter(0)):
        bought = [day for _, day in days]
        found["new_customers"][bought[0]] += 1
        found["won_back_customers"].update(day for before, day in pairwise(bought) if day - before > LAPSE)
        pairs = pairwise([*bought, until + timedelta(days=1)])
        found["lapsed_customers"].update(day + LAPSE for day, later in pairs if later - day > LAPSE)
    return found


def test_every_measure_of_every_key_of_every_mart_is_what_the_fact_says(gold: connection) -> None:
    for mart, grain in GRAINS.items():
        names = grain.replace("date_trunc('hour', sold_at, 'UTC')", "sold_hour")
        right = f"select {grain}, {', '.join(MEASURES.values())} from {FACT} group by {grain}"
        found = f"select {names}, {', '.join(MEASURES)} from gold.{mart}"
        assert sorted(rows(gold, found)) == sorted(rows(gold, right)) != [], mart


def test_no_figure_is_without_its_check() -> None:
    assert {*METRICS, *PERIODS, *CUSTOMERS} == set(metrics())
    assert set(MEASURES) == {one.name for one in measures().values() if one.is_in_every_mart}
    assert {f"gold.{mart}" for mart in GRAINS} == set(MARTS)


def test_dbt_reads_the_same_figures(conn: connection, settings: Settings) -> None:
    """Its own parser, which also checks that each metric is made of figures that are there."""
    dbt_runner.invoke(conn, settings, ["deps"], "parse")
    manifest = dbt_runner.invoke(conn, settings, ["parse"], "parse")
    found = {one.name: one.type.value for one in manifest.metrics.values()}
    assert found == {one.name: one.type for one in metrics().values()}
    parsed = {
        (model.model, one.name, one.agg.value, one.expr)
        for model in manifest.semantic_models.values()
        for one in model.measures
    }
    ours = {(f"ref('{one.model}')", one.name, one.aggregation, one.expression) for one in measures().values()}
    assert parsed == ours
