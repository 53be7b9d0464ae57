"""The hour's sales, from the source to Silver, as the DAG's tasks do it; seconds of each step to standard output."""

from __future__ import annotations

from benchmarks.programs.steps import run_steps
from ingestion.sales import collect_sales
from loaders.load_sales_customers import load_sales_customer
from loaders.load_sales_products import load_sales_product

if __name__ == "__main__":
    run_steps({"bronze": [collect_sales], "silver": [load_sales_customer, load_sales_product]})
