"""What a run brought, in one line."""

from __future__ import annotations

from stack.commands.layer_report import Report, summarize_run


def brought(silver: dict[str, int] | None = None, **bronze: int) -> str:
    new = {"bronze": bronze, "silver": silver or {}}
    return summarize_run(Report(bronze=(), rows={}, watermarks=(), new=new, rejected=0, failures=()))


def test_each_dataset_that_brought_something_is_named_with_its_count() -> None:
    assert brought(sales_product=12345, customers=2, products=0) == (
        "new from the source: 2 customers, 12,345 sales lines"
    )


def test_a_run_that_loaded_what_a_dead_run_had_pulled_says_so() -> None:
    said = brought(silver={"sales_customer": 805, "customers": 0})
    assert said == "nothing new from the source; loaded what an earlier run had pulled: 805 sales"


def test_a_run_that_brought_nothing_says_so() -> None:
    assert brought().startswith("nothing new")
    assert brought(sales_product=0) == brought()
