"""The blocks with tables of their own: anomalies, stores, forecast, customers, cohorts and baskets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from report.anomalies import Anomalies, read_anomalies, show_anomalies
from report.baskets import Baskets, read_baskets, show_baskets
from report.cohorts import Cohorts, read_cohorts, show_cohorts
from report.customers import Customers, read_customers, show_customers
from report.forecast import Forecast, read_forecast, show_forecast
from report.stores import Store, read_stores, show_stores

if TYPE_CHECKING:
    from datetime import datetime

    from psycopg2.extensions import connection

    from report.sales import Sales


@dataclass(frozen=True)
class Details:
    """What the page shows besides its sales. `stores` are None before Gold has their table."""

    anomalies: Anomalies
    stores: tuple[Store, ...] | None
    forecast: Forecast
    customers: Customers
    cohorts: Cohorts
    baskets: Baskets


def read_details(conn: connection, sales: Sales, now: datetime) -> Details:
    """Read the blocks for the currencies of the page. The transaction is the caller's."""
    return Details(
        read_anomalies(conn, now),
        read_stores(conn, sales, now),
        read_forecast(conn, sales),
        read_customers(conn, sales),
        read_cohorts(conn),
        read_baskets(conn, sales),
    )


def show_details(details: Details, sales: Sales, now: datetime) -> dict[str, Any]:
    """What the templates show of each block, under the block's name."""
    return {
        "anomalies": show_anomalies(details.anomalies),
        "stores": show_stores(details.stores, sales),
        "forecast": show_forecast(details.forecast, sales, now),
        "customers": show_customers(details.customers, sales, now),
        "cohorts": show_cohorts(details.cohorts, sales, now),
        "baskets": show_baskets(details.baskets, sales, now),
    }
