"""The hour's sales, from the source to Silver, as the DAG's tasks do it; seconds of each step to standard output."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

from ingestion.sales import collect_sales
from loaders.config import load_settings
from loaders.database import connect
from loaders.load_sales_customers import load_sales_customer
from loaders.load_sales_products import load_sales_product

if TYPE_CHECKING:
    from collections.abc import Callable

_STEPS: dict[str, Callable[..., object]] = {
    "bronze": collect_sales,
    "headers": load_sales_customer,
    "lines": load_sales_product,
}


def main() -> None:
    """Run the steps one after the other."""
    settings, steps = load_settings(), {}
    with connect(settings.require_database_url()) as conn:
        for name, step in _STEPS.items():
            began = time.perf_counter()
            step(conn, settings, run_id="benchmark")
            steps[name] = time.perf_counter() - began
    json.dump(steps, sys.stdout)


if __name__ == "__main__":
    main()
