"""What the blocks about stores, customers, cohorts and baskets say of figures that are there, missing or too few."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from report.baskets import Baskets, Pair, show_baskets
from report.cohorts import CohortMonth, Cohorts, show_cohorts
from report.customers import Backtest, Customers, Segment, Worth, show_customers
from report.sales import Sales
from report.stores import Store, show_stores

NOW = datetime(2023, 11, 30, 12, tzinfo=timezone.utc)
LAST = date(2023, 11, 29)


def sales(*, since: str = "2022-01-01", others: tuple[str, ...] = ()) -> Sales:
    """A page whose period is November 2 to 29, 2023, with a history since that day."""
    first = datetime.fromisoformat(since).replace(tzinfo=timezone.utc)
    return Sales("EUR", first, NOW, NOW, {}, other_currencies=dict.fromkeys(others, Decimal(1)))


def store(name: str, now: int, before: int, year: int, opened: str | None = "2020-01-01", **other: object) -> Store:
    values = {"currency": "EUR", "city": "Lyon", "is_closed": False, **other}
    opened_on = date.fromisoformat(opened) if opened else None
    amounts = {"net_amount": Decimal(now), "net_before": Decimal(before), "net_year_before": Decimal(year)}
    return Store(name=name, opened_on=opened_on, **amounts, **values)  # type: ignore[arg-type]


def test_a_store_is_compared_with_the_period_and_the_year_before() -> None:
    shown = show_stores([store("Rivoli", 150, 100, 300), store("Lyon Nord", 50, 100, 0)], sales())
    rows = shown["tables"][0]["rows"]
    assert [(row["name"], row["city"], row["share"], row["change"], row["year"]) for row in rows] == [
        ("Rivoli", "Lyon", "75.0%", "+50%", "−50%"),
        ("Lyon Nord", "", "25.0%", "−50%", ""),
    ]
    assert shown["answer"] == (
        "Rivoli brings most: 75.0% of the revenue in EUR. 1 of 2 stores sold more than in the 28 days before."
    )


def test_a_store_that_opened_too_late_is_new_and_not_compared() -> None:
    """On the first day of the period before, or a day later; the same a year before."""
    opened = ["2023-10-05", "2023-10-06", "2022-11-03", "2022-11-04", None]
    shown = show_stores([store(f"S{n}", 150, 100, 100, day) for n, day in enumerate(opened)], sales())
    rows = shown["tables"][0]["rows"]
    assert [(row["change"], row["year"], row["mark"]) for row in rows] == [
        ("+50%", "new", ""),
        ("new", "new", "opened Oct 6"),
        ("+50%", "+50%", ""),
        ("+50%", "new", ""),
        ("+50%", "+50%", ""),
    ]


def test_a_closed_store_says_so() -> None:
    shown = show_stores([store("Rivoli", 0, 100, 100, is_closed=True)], sales())
    row = shown["tables"][0]["rows"][0]
    assert (row["mark"], row["amount"], row["change"]) == ("closed", "€0", "−100%")


@pytest.mark.parametrize(
    ("since", "has_before", "has_year"),
    [("2022-11-03", True, True), ("2022-11-04", True, False), ("2023-10-06", False, False)],
)
def test_what_the_history_does_not_cover_is_not_compared(since: str, has_before: bool, has_year: bool) -> None:
    shown = show_stores([store("Rivoli", 150, 100, 100)], sales(since=since))
    row = shown["tables"][0]["rows"][0]
    assert (shown["has_year"], row["year"] != "") == (has_year, has_year)
    assert (row["change"] != "", "sold more" in shown["answer"]) == (has_before, has_before)


def test_each_currency_has_its_own_stores_and_the_smallest_are_added_up() -> None:
    many = [store(f"S{n}", 100 - n, 0, 0) for n in range(22)]
    shown = show_stores([*many, store("Zug", 7, 0, 0, currency="CHF")], sales(others=("CHF",)))
    euro, franc = shown["tables"]
    assert (len(euro["rows"]), euro["rest"]) == (20, "2 more stores: €159")
    assert [(row["name"], row["amount"], row["share"]) for row in franc["rows"]] == [("Zug", "CHF 7", "100.0%")]


def test_stores_without_a_table_or_a_sale_say_which() -> None:
    assert show_stores(None, sales())["empty"] == "Not built yet: the next run builds it."
    assert show_stores((), sales())["empty"] == "No store sold anything in the period."


def test_blocks_whose_tables_are_not_there_say_that_they_are_built_at_night() -> None:
    customers = show_customers(Customers(), sales(), NOW)
    blocks = [customers["segments"], customers["worth"], show_cohorts(Cohorts(), sales(), NOW)]
    for block in [*blocks, show_baskets(Baskets(), sales(), NOW)]:
        assert block == {"empty": "Built at night, and not there yet: ./retail nightly builds it now.", "as_of": ""}


@pytest.mark.parametrize(("back", "said"), [(0, ""), (1, " 1 day behind: "), (3, " 3 days behind: ")])
def test_a_block_says_its_day_and_how_far_that_is_behind(back: int, said: str) -> None:
    block = show_baskets(Baskets(LAST - timedelta(days=back)), sales(), NOW)
    assert f"{29 - back}, 2023, the last day that is counted.{said}" in block["as_of"]
    assert ("./retail nightly" in block["as_of"]) is bool(back)


def test_segments_stand_from_best_to_worst_with_their_share_of_a_currency() -> None:
    found = (
        Segment("EUR", "lost", 30, 2, Decimal(0)),
        Segment("EUR", "champions", 10, 0, Decimal("900.40")),
        Segment("CHF", "loyal", 5, 0, Decimal(7)),
    )
    block = show_customers(Customers(LAST, LAST, found), sales(others=("CHF",)), NOW)["segments"]
    assert [
        (table["currency"], [(row["name"], row["customers"], row["share"], row["amount"]) for row in table["rows"]])
        for table in block["tables"]
    ] == [
        ("EUR", [("Champions", "10", "25.0%", "€900"), ("Lost", "30", "75.0%", "€0")]),
        ("CHF", [("Loyal", "5", "100.0%", "CHF 7")]),
    ]
    assert (block["label"], block["deleted"]) == ("Net revenue", "Deleted at the source: 2.")


WORTH = Worth("EUR", 4, Decimal(100), Decimal(250), date(2023, 12, 1), date(2024, 11, 30))
TEST = Backtest("EUR", date(2023, 4, 30), 6, Decimal(120), Decimal(100), Decimal("0.2"))


def said_of_worth(worth: Worth, *tests: Backtest) -> dict[str, str]:
    shown = show_customers(Customers(LAST, LAST, (), (worth,), tests), sales(), NOW)["worth"]["answers"]
    assert len(shown) == 1
    return dict(shown[0])


def test_an_expectation_comes_with_how_wrong_the_method_was() -> None:
    said = said_of_worth(WORTH, TEST)
    assert said["answer"] == (
        "4 customers generated a margin of €100 so far. €250 more is expected from Dec 2023 to Nov 2024."
    )
    assert said["test"] == (
        "Backtest: from what was known on Sunday, April 30, 2023, the same method expected €120 "
        "of the 6 months after; €100 came: 20.0% too much."
    )


def test_without_a_long_history_nothing_is_expected_or_measured() -> None:
    none = Worth("EUR", 4, Decimal(100), None, date(2023, 12, 1), date(2024, 11, 30))
    assert said_of_worth(none)["test"] == "Nothing is expected of them yet: the history is too short."
    assert "expected" not in said_of_worth(none)["answer"]
    assert said_of_worth(WORTH)["test"] == "No backtest yet: the history is too short to look back."


def cohort_months(first: date, counts: list[int], *, customers: int = 10) -> list[CohortMonth]:
    return [CohortMonth(first, n, n < len(counts) - 1, customers, count) for n, count in enumerate(counts)]


def test_cohorts_show_who_came_back_and_which_month_is_not_over() -> None:
    months = [
        *cohort_months(date(2023, 8, 1), [10, 4, 3, 2]),
        *cohort_months(date(2023, 9, 1), [10, 2, 1]),
        *cohort_months(date(2023, 11, 1), [10]),
    ]
    block = show_cohorts(Cohorts(LAST, tuple(months)), sales(), NOW)
    assert block["answer"] == "Of new customers, 30.0% buy again in the month after their first purchase."
    assert block["first"] == ""
    for width, percent in (("wide", "%"), ("narrow", "")):
        cells = re.findall(r'class="heat([^"]*)"[^>]*><title>([^<]*)</title></rect><text[^>]*>([^<]*)<', block[width])
        assert cells == [
            ("", "1 month after Aug 2023: 4 of 10 bought", f"40{percent}"),
            ("", "2 months after Aug 2023: 3 of 10 bought", f"30{percent}"),
            (" open-month", "3 months after Aug 2023, so far: 2 of 10 bought", f"20{percent}"),
            ("", "1 month after Sep 2023: 2 of 10 bought", f"20{percent}"),
            (" open-month", "2 months after Sep 2023, so far: 1 of 10 bought", f"10{percent}"),
        ]


def test_the_third_month_is_the_third_after_the_first_purchase() -> None:
    months = tuple(cohort_months(date(2023, 8, 1), [10, 4, 3, 2, 0]))
    assert show_cohorts(Cohorts(LAST, months), sales(), NOW)["answer"] == (
        "Of new customers, 40.0% buy again in the month after their first purchase "
        "and 20.0% buy again in the third month after it."
    )


def test_the_cohort_in_which_the_history_begins_says_that_its_customers_are_not_new() -> None:
    months = tuple(cohort_months(date(2023, 8, 1), [10, 4]))
    block = show_cohorts(Cohorts(LAST, months), sales(since="2023-08-09"), NOW)
    assert block["first"] == "The history begins in Aug 2023: its cohort holds all who had bought before."


@pytest.mark.parametrize("months", [[], cohort_months(date(2023, 11, 1), [10])])
def test_a_history_of_one_month_has_no_cohort_to_show(months: list[CohortMonth]) -> None:
    block = show_cohorts(Cohorts(LAST, tuple(months)), sales(), NOW)
    assert block["empty"] == "The history is too short: no customer has had a month yet in which to come back."
    assert block["as_of"] != ""


def pair(lift: str, count: int = 9, *, a_to_b: str = "0.3", b_to_a: str = "0.2") -> Pair:
    return Pair("EUR", "A", "B", count, 1000, Decimal("0.009"), Decimal(a_to_b), Decimal(b_to_a), Decimal(lift))


def test_a_pair_is_shown_in_its_stronger_direction() -> None:
    block = show_baskets(Baskets(LAST, (pair("2.5", a_to_b="0.2", b_to_a="0.4"),)), sales(), NOW)
    assert block["tables"][0]["rows"] == [
        {"first": "B", "second": "A", "count": "9", "support": "0.90%", "confidence": "40.0%", "lift": "2.5"}
    ]
    assert block["answer"] == "40.0% of the baskets with B also hold A: 2.5 times the usual share."


def test_pairs_stand_by_lift_and_coincidences_are_left_out() -> None:
    found = (pair("1.5", 90), pair("1.0", 80), pair("0.7", 70), pair("3.0", 60))
    block = show_baskets(Baskets(LAST, found), sales(), NOW)
    assert [row["lift"] for row in block["tables"][0]["rows"]] == ["3.0", "1.5"]


def test_without_a_pair_that_says_something_the_block_says_so() -> None:
    assert "often enough" in show_baskets(Baskets(LAST), sales(), NOW)["empty"]
    assert "than by chance" in show_baskets(Baskets(LAST, (pair("1.0"),)), sales(), NOW)["empty"]
