"""Planted anomalies change the sales they strike and no other, keep ids and times in order, and are in the ledger."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import polars as pl
import pytest

from backend.anomalies.plan import Planted
from backend.anomalies.sales import PlantedSales
from backend.anomaly_kinds import KINDS, parse_anomalies
from backend.data import DataSet
from backend.settings import SourceSettings

START = datetime(2024, 3, 4, tzinfo=timezone.utc)
MANY = "spike:4,drop:4,level,slow_leak,missing_store:2,dup_hour,price_x100:2"
HOUR = 3_600


def data_set(days: float = 28, **changes: Any) -> DataSet:
    values = {"seed": 7, "start": START, "sales_per_hour": 40, "customers": 200, "products": 80} | changes
    return DataSet(SourceSettings(now=START + timedelta(days=days), **values))


def headers(data: DataSet) -> pl.DataFrame:
    return data._sales.headers(1, data.last_sale_id())


def struck(data: DataSet, kind: str) -> tuple[Planted, pl.DataFrame, pl.DataFrame]:
    """The first anomaly of a kind, its sales, and what they would have been."""
    one = next(one for one in data.planted() if one.kind == kind)
    plain = data_set(28)
    found = [
        all_sales.filter(during(all_sales, one) & one.has(all_sales)) for all_sales in (headers(data), headers(plain))
    ]
    return one, found[0], found[1]


def during(sales: pl.DataFrame, one: Planted) -> pl.Series:
    return sales["sold_at"].is_between(one.first_hour * HOUR, one.until_hour * HOUR - 1)


def test_without_anomalies_and_noise_the_data_set_is_the_plain_one() -> None:
    assert not isinstance(data_set()._sales, PlantedSales)
    assert data_set().planted() == []
    assert SourceSettings(anomalies="").source_id() == SourceSettings().source_id()


def test_ids_have_no_holes_and_times_never_fall() -> None:
    sales = headers(data_set(anomalies=MANY, noise=0.05))
    assert sales["sale_id"].to_list() == list(range(1, sales.height + 1))
    assert sales["sold_at"].is_sorted()


def test_a_page_is_the_same_wherever_it_begins_and_however_the_clock_came_there() -> None:
    data = data_set(anomalies=MANY, noise=0.05)
    whole = data.sales_page(None, 10**9, None).items
    stepwise = data_set(1, anomalies=MANY, noise=0.05)
    for day in (3, 9, 20, 28):
        stepwise._fixed_now = START + timedelta(days=day)
        stepwise.last_sale_id()
    at = len(whole) // 2
    assert stepwise.sales_page(str(at), 50, None).items == whole[at : at + 50]


def test_a_missing_store_sells_nothing_that_day_and_all_others_sell_what_they_would() -> None:
    data = data_set(anomalies="missing_store")
    one, left, before = struck(data, "missing_store")
    assert left.is_empty()
    assert not before.is_empty()
    plain, now = headers(data_set(28)), headers(data)
    others = [sales.filter(during(sales, one) & ~one.has(sales)).drop("sale_id", "origin_id") for sales in (plain, now)]
    assert others[0].equals(others[1])


def test_a_batch_that_comes_twice_has_each_sale_twice_under_two_ids() -> None:
    _, left, before = struck(data_set(anomalies="dup_hour"), "dup_hour")
    assert left.height == 2 * before.height > 0
    assert left["sale_id"].n_unique() == left.height
    assert left["origin_id"].value_counts()["count"].unique().to_list() == [2]


def test_a_wrong_price_is_a_hundred_times_that_price_for_sales_and_not_for_returns() -> None:
    data = data_set(anomalies="price_x100")
    one = next(one for one in data.planted() if one.kind == "price_x100")
    sales, plain = headers(data), data_set(28)._sales
    factor = data._sales.lines(sales)["unit_price"] / plain.lines(headers(data_set(28)))["unit_price"]
    is_struck = (during(sales, one) & one.has(sales) & ~sales["is_return"])[data._sales.lines(sales)["sale"]]
    assert factor.filter(is_struck).unique().to_list() == [100.0]
    assert factor.filter(~is_struck).unique().to_list() == [1.0]
    assert is_struck.sum() > 0


@pytest.mark.parametrize("kind", ["spike", "drop", "level"])
def test_an_anomaly_leaves_the_share_of_sales_that_the_ledger_says(kind: str) -> None:
    data, plain = data_set(14, anomalies=f"{kind}:6", sales_per_hour=400), headers(data_set(14, sales_per_hour=400))
    one = data.planted()[0]
    left, before = (sales.filter(during(sales, one) & one.has(sales)).height for sales in (headers(data), plain))
    assert before > 100
    assert left / before == pytest.approx(one.per_mille / 1_000, rel=0.25)


def test_a_slow_leak_falls_from_all_sales_to_its_share() -> None:
    data = data_set(56, anomalies="slow_leak")
    one = data.planted()[0]
    shares = [one.per_mille_at(hour) for hour in range(one.first_hour, one.until_hour)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 990
    assert shares[-1] == one.per_mille
    assert one.per_mille_at(one.until_hour) == one.per_mille_at(one.first_hour - 1) == 1_000


def test_no_two_anomalies_strike_the_same_sales_within_two_days() -> None:
    planted = data_set(365, anomalies=MANY).planted()
    assert len(planted) > 100
    assert {one.kind for one in planted} == {*KINDS}
    for number, one in enumerate(planted):
        for other in planted[number + 1 :]:
            apart = other.first_hour - one.until_hour >= 48
            assert apart or (one.level == other.level == "store" and one.member != other.member)


def test_noise_changes_how_many_sales_an_hour_has_and_not_their_mean() -> None:
    plain, noisy = headers(data_set(14, sales_per_hour=300)), headers(data_set(14, sales_per_hour=300, noise=0.1))
    assert noisy.height == pytest.approx(plain.height, rel=0.1)
    by_hour = [sales.group_by(pl.col("sold_at") // HOUR).len().sort("sold_at")["len"] for sales in (plain, noisy)]
    ratio = by_hour[1] / by_hour[0]
    assert 0.1 < float(ratio.std()) < 0.25  # type: ignore[arg-type]


def test_control_totals_are_those_of_the_sales_that_are_left() -> None:
    data = data_set(7, anomalies=MANY)
    lines = data._sales.lines(headers(data))
    cents = (lines["quantity"] * lines["unit_price"] - lines["discount"]).sum()
    totals = data.totals(0, None)
    assert (totals.sales, totals.lines, int(totals.net_amount * 100)) == (data.last_sale_id(), lines.height, cents)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gremlins", "'gremlins' is not an anomaly; there are spike, drop, level, slow_leak,"),
        ("drop,drop:2", "drop is named twice"),
        ("drop:0", "drop: the count '0' is no whole number from 1 to 20"),
        ("drop:x", "drop: the count 'x'"),
        ("drop:", "drop: the count ''"),
    ],
)
def test_a_wrong_setting_names_the_word_that_is_wrong(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        SourceSettings(anomalies=text)


def test_counts_are_per_four_weeks_and_one_by_default() -> None:
    assert parse_anomalies(" drop:4, spike,") == {"drop": 4, "spike": 1}


@pytest.mark.parametrize("changes", [{"anomalies": "drop"}, {"noise": 0.1}])
def test_a_planted_data_set_is_another_source_and_refused_in_production(changes: dict[str, Any]) -> None:
    assert SourceSettings(**changes).source_id() != SourceSettings().source_id()
    with pytest.raises(ValueError, match="does not go with SOURCE_ANOMALIES or SOURCE_NOISE"):
        SourceSettings(environment="production", api_key="k" * 32, **changes)
