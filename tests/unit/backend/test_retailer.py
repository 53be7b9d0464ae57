"""The data set behaves like a retailer: stores, seasons, baskets, customers, promotions, returns, currencies.

Fourteen months of it, as `./retail` begins with. The claims are about shapes, with bands: another seed keeps to them.
"""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta, timezone

import polars as pl
import pytest

from backend.data import DataSet
from backend.dataset.catalog import COMPLEMENTS, SHELVES
from backend.settings import SourceSettings

START = datetime(2025, 9, 22, tzinfo=timezone.utc)
NOW = START + timedelta(days=425)
DAY = 86_400


@pytest.fixture(scope="module", params=[42, 7])
def data(request: pytest.FixtureRequest) -> DataSet:
    return DataSet(SourceSettings(seed=request.param, start=START, now=NOW, sales_per_hour=5))


@pytest.fixture(scope="module")
def sales(data: DataSet) -> pl.DataFrame:
    """One row per sale. `month` counts 30 days from the start."""
    items = json.loads(data.sales_page(None, 10**9, None).body())["items"]
    sold = pl.col("sold_at").str.to_datetime(time_zone="UTC")
    return pl.DataFrame(items).with_columns(
        sold.alias("at"),
        ((sold - START).dt.total_days() // 30).alias("month"),
        (pl.col("lines").list.first().struct.field("quantity") < 0).alias("is_return"),
    )


@pytest.fixture(scope="module")
def lines(sales: pl.DataFrame, data: DataSet) -> pl.DataFrame:
    """One row per line, with its product's category and currency."""
    money = [pl.col(name).cast(pl.Decimal(12, 2)).cast(pl.Float64) for name in ("unit_price", "discount")]
    products = listed(data, "products").select("product_id", "category", product_currency="currency")
    return sales.explode("lines").unnest("lines").with_columns(money).join(products, on="product_id")


def listed(data: DataSet, resource: str) -> pl.DataFrame:
    return pl.DataFrame([json.loads(one) for one in data.listing_page(resource, None, 10**9).items])


def of_customers(sales: pl.DataFrame) -> pl.DataFrame:
    """Purchases, and for each the month of the customer's first."""
    bought = sales.filter(~pl.col("is_return"))
    return bought.with_columns(pl.col("month").min().over("customer_id").alias("first_month"))


# ---------------------------------------------------------------- stores


def test_no_store_sells_before_it_opens_or_after_it_has_closed(sales: pl.DataFrame, data: DataSet) -> None:
    stores = listed(data, "stores")
    joined = sales.join(stores, on="store_id")
    assert joined.height == sales.height
    assert joined.filter(pl.col("sold_at") < pl.col("opened_at")).is_empty()
    assert joined.filter(~pl.col("is_active") & (pl.col("sold_at") >= pl.col("updated_at"))).is_empty()
    opened = stores.filter(pl.col("opened_at") > START.strftime("%Y-%m-%dT"))
    assert opened.height >= 3
    assert set(opened["store_id"]) < set(sales["store_id"])
    assert stores.filter(~pl.col("is_active")).height == 1


def test_a_store_is_listed_before_it_opens_and_again_when_it_does_and_when_it_closes() -> None:
    data = DataSet(SourceSettings(start=START, now=START))
    seen: dict[int, list[tuple[str, bool]]] = {}
    for day in range(0, 425, 5):
        data._fixed_now = START + timedelta(days=day)
        for one in listed(data, "stores").iter_rows(named=True):
            versions = seen.setdefault(one["store_id"], [])
            if (one["updated_at"], one["is_active"]) not in versions:
                versions.append((one["updated_at"], one["is_active"]))
    assert [is_active for _, is_active in seen[14]] == [False, True]  # announced, opened
    assert [is_active for _, is_active in seen[13]] == [True, False]  # closed
    assert [is_active for _, is_active in seen[7]] == [True, True]  # refitted
    assert all(versions == sorted(versions) for versions in seen.values())


def test_stores_differ_in_size_and_the_largest_is_no_monopoly(sales: pl.DataFrame) -> None:
    share = sales["store_id"].value_counts(normalize=True, sort=True)["proportion"]
    assert 0.1 < share[0] < 0.25
    assert share[0] > 5 * share[-1]
    assert len(share) == 20


def test_the_seaside_sells_in_summer_and_the_mountain_in_winter(sales: pl.DataFrame) -> None:
    month = pl.col("at").dt.month()
    of_month = sales.group_by(month.alias("month_of_year")).agg(
        pl.len().alias("all"), *[(pl.col("store_id") == one).sum().alias(f"store_{one}") for one in (9, 10)]
    )
    share = {row["month_of_year"]: row for row in of_month.iter_rows(named=True)}
    assert share[8]["store_9"] / share[8]["all"] > 3 * share[1]["store_9"] / share[1]["all"]
    assert share[2]["store_10"] / share[2]["all"] > 3 * share[7]["store_10"] / share[7]["all"]


def test_christmas_is_the_peak_and_christmas_day_is_not(sales: pl.DataFrame) -> None:
    of_day = dict(sales.group_by(pl.col("at").dt.date()).len().iter_rows())
    usual = sum(of_day.values()) / len(of_day)
    before_christmas = [of_day[date(2025, 12, day)] for day in range(13, 24)]
    assert sum(before_christmas) / len(before_christmas) > 1.6 * usual
    assert of_day[date(2025, 12, 25)] < 0.4 * usual


# ---------------------------------------------------------------- currencies


def test_a_sale_its_products_and_its_store_have_one_currency(lines: pl.DataFrame, data: DataSet) -> None:
    stores = listed(data, "stores").select("store_id", "country", store_currency="currency")
    joined = lines.join(stores, on="store_id")
    other = (pl.col("currency") != pl.col("product_currency")) | (pl.col("currency") != pl.col("store_currency"))
    assert joined.filter(other).is_empty()
    assert set(joined.filter(currency="CHF")["country"]) == {"CH"}
    assert joined.filter(country="CH", currency="EUR").is_empty()


def test_a_part_of_the_sales_online_too_is_in_francs(sales: pl.DataFrame) -> None:
    for channel in ("store", "web", "app"):
        of_channel = sales.filter(channel=channel)
        assert 0.05 < of_channel.filter(currency="CHF").height / of_channel.height < 0.25


def test_a_customer_buys_in_the_currency_of_the_country_of_residence(sales: pl.DataFrame, data: DataSet) -> None:
    countries = listed(data, "customers").select("customer_id", "country")
    joined = sales.join(countries, on="customer_id")
    assert set(joined.filter(country="CH")["currency"]) == {"CHF"}
    assert set(joined.filter(pl.col("country") != "CH")["currency"]) == {"EUR"}


# ---------------------------------------------------------------- baskets


def test_complements_are_bought_together_more_than_three_times_as_often_as_by_chance(lines: pl.DataFrame) -> None:
    bought = lines.filter(~pl.col("is_return")).select("sale_id", "product_id").unique()
    baskets, of_product = bought["sale_id"].n_unique(), dict(bought["product_id"].value_counts().iter_rows())
    pairs = bought.join(bought, on="sale_id", suffix="_2").filter(pl.col("product_id") < pl.col("product_id_2"))
    together = {(a, b): n for a, b, n in pairs.group_by("product_id", "product_id_2").len().iter_rows()}
    known = [(one, one + COMPLEMENTS[one % len(SHELVES)]) for one in range(1, 60) if one % 37 and one != 36]
    known = [(a, b) for a, b in known if a < b and b % 37]
    assert len(known) > 20
    lift = {(a, b): together[a, b] * baskets / of_product[a] / of_product[b] for a, b in known}
    assert min(lift.values()) > 3, sorted(lift.items(), key=lambda one: one[1])[:3]
    by_chance = [together.get((a, a + 2), 0) * baskets / of_product[a] / of_product[a + 2] for a in (1, 3, 5, 8)]
    assert sum(by_chance) / len(by_chance) < 2


# ---------------------------------------------------------------- customers


def test_customers_of_the_first_months_stay_come_back_and_lapse(sales: pl.DataFrame) -> None:
    bought = of_customers(sales)
    first = bought.filter(first_month=0)
    active = [first.filter(month=month)["customer_id"].n_unique() for month in range(14)]
    kept = [count / active[0] for count in active]
    assert active[0] > 300
    assert 0.35 < kept[6] < 0.7
    assert kept[1] > kept[3] > kept[5]
    assert 0.25 < kept[12] < 0.6


def test_every_month_brings_new_customers_and_a_curve_of_their_own(sales: pl.DataFrame) -> None:
    bought = of_customers(sales)
    for month in range(1, 9):
        cohort = bought.filter(first_month=month)
        size = cohort["customer_id"].n_unique()
        assert size > 15
        assert 0.1 < cohort.filter(month=month + 4)["customer_id"].n_unique() / size < 0.7


def test_most_new_customers_buy_within_three_weeks_of_their_sign_up(sales: pl.DataFrame, data: DataSet) -> None:
    signed_up = pl.col("signed_up_at").str.to_datetime(time_zone="UTC")
    new = listed(data, "customers").select("customer_id", signed_up).filter(pl.col("signed_up_at") >= START)
    new = new.filter(pl.col("signed_up_at") < NOW - timedelta(days=21))
    first = of_customers(sales).group_by("customer_id").agg(pl.col("at").min())
    waited = new.join(first, on="customer_id", how="left").select(pl.col("at") - pl.col("signed_up_at")).to_series()
    assert len(waited) > 400
    assert (waited <= timedelta(days=21)).fill_null(value=False).mean() > 0.9


def test_some_customers_are_won_back_after_four_months_and_some_never_return(sales: pl.DataFrame) -> None:
    bought = of_customers(sales).sort("customer_id", "sale_id")
    gap = pl.col("at") - pl.col("at").shift(1).over("customer_id")
    won_back = bought.filter(gap > timedelta(days=120))["customer_id"].n_unique()
    last = bought.group_by("customer_id").agg(pl.col("at").max(), pl.len())
    lapsed = last.filter((pl.col("at") < NOW - timedelta(days=240)) & (pl.col("len") > 1)).height
    assert won_back > 80
    assert lapsed > 80


def test_loyal_customers_buy_in_every_month(sales: pl.DataFrame) -> None:
    months = of_customers(sales).filter(pl.col("month") < 14).group_by("customer_id").agg(pl.col("month").n_unique())
    assert months.filter(month=14).height > 60


def test_no_customer_buys_more_than_a_family_could(sales: pl.DataFrame) -> None:
    assert sales["customer_id"].value_counts()["count"].max() < 425


def test_customers_who_have_left_buy_no_more(sales: pl.DataFrame, data: DataSet) -> None:
    gone = listed(data, "customers").filter("is_deleted").select("customer_id", left_at="updated_at")
    after = of_customers(sales).join(gone, on="customer_id")
    assert after.height > 0
    assert after.filter(pl.col("sold_at") >= pl.col("left_at")).is_empty()


def test_customers_live_near_a_store_and_move_within_their_country(data: DataSet) -> None:
    early = DataSet(SourceSettings(seed=data._sales._seed, start=START, now=START, sales_per_hour=5))
    was, now = (listed(one, "customers").select("customer_id", "city", "country") for one in (early, data))
    both = was.join(now, on="customer_id")
    assert both.filter(pl.col("city") != pl.col("city_right")).height > 100
    assert both.filter(pl.col("country") != pl.col("country_right")).is_empty()


# ---------------------------------------------------------------- discounts


def test_a_promotion_discounts_most_lines_of_a_category_and_sells_more_of_each(lines: pl.DataFrame) -> None:
    bought = lines.filter(~pl.col("is_return"))
    weeks = bought.group_by(pl.col("at").dt.truncate("1w"), "category").agg(
        pl.len(), (pl.col("discount") > 0).mean().alias("share"), pl.col("quantity").mean()
    )
    weeks = weeks.filter(pl.col("len") > 40)
    promoted, others = weeks.filter(pl.col("share") > 0.6), weeks.filter(pl.col("share") < 0.3)
    assert promoted.height + others.height == weeks.height
    assert 15 < promoted["at"].n_unique() < 45
    assert promoted["at"].n_unique() == promoted.height  # one category a week
    assert 0.75 < promoted["share"].mean() < 0.95
    assert promoted["quantity"].mean() > 1.15 * others["quantity"].mean()
    january = weeks.filter((pl.col("at").dt.month() == 1) & (pl.col("at").dt.day() > 8), category="Clothing")
    assert january["share"].min() > 0.6


def test_returns_come_mostly_within_thirty_days_in_the_currency_of_the_sale(data: DataSet) -> None:
    headers = data._sales.headers(1, data.last_sale_id())
    back = headers.filter("is_return").join(headers, left_on="origin_id", right_on="sale_id", suffix="_then")
    assert 0.02 < back.height / headers.height < 0.06
    assert not back["is_return_then"].any()
    assert (back["sold_at"] > back["sold_at_then"]).all()
    assert (back["customer_id"] == back["customer_id_then"]).all()
    assert (back["currency"] == back["currency_then"]).all()
    days = (back["sold_at"] - back["sold_at_then"]) / DAY
    assert 0.85 < (days <= 30).mean() < 1
    assert days.max() <= 60


def test_a_cost_follows_its_price(data: DataSet) -> None:
    early = DataSet(SourceSettings(seed=data._sales._seed, start=START, now=START, sales_per_hour=5))
    was, now = (listed(one, "products").select("product_id", "unit_price", "unit_cost") for one in (early, data))
    both = was.join(now, on="product_id").select(pl.exclude("product_id").cast(pl.Float64))
    changed = both.filter(pl.col("unit_price") != pl.col("unit_price_right"))
    assert changed.height > 100
    before, after = (both[f"unit_cost{end}"] / both[f"unit_price{end}"] for end in ("", "_right"))
    assert (before - after).abs().max() < 0.02


def test_a_page_is_the_same_wherever_it_begins(data: DataSet) -> None:
    whole = data.sales_page("20000", 700, None).items
    assert [data.sales_page(str(20_000 + at), 1, None).items[0] for at in (0, 350, 699)] == [
        whole[at] for at in (0, 350, 699)
    ]
    assert data.sales_page("20100", 600, None).items == whole[100:]
