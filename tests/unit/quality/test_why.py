"""What `./retail why` can be asked for, and how a key is read."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest

from gold import dbt_runner
from medallion.errors import ConfigurationError
from medallion.process.steps import CORE
from medallion.yaml_files import read_yaml
from quality.why.figure import IN_FACT
from quality.why.grain import key_of, mart_names, read_key
from quality.why.trace import FACTS, usages


def test_the_key_of_every_mart_can_be_found_in_the_fact() -> None:
    file = dbt_runner.PROJECT_DIR / "models" / "gold" / "core" / "sales_item.yml"
    fact = {column["name"] for column in read_yaml(file)["models"][0]["columns"]}
    assert mart_names()
    for mart in mart_names():
        assert all(one.name in fact or one.name in IN_FACT for one in key_of(mart)), mart


def test_every_fact_can_be_asked_for() -> None:
    assert {name.removeprefix("gold.") for name in CORE if ".dim_" not in name} == {*FACTS}


def test_ids_come_first_and_words_may_be_left_out() -> None:
    assert "mart_sales_by_hour STORE HOUR [CHANNEL] [CURRENCY]" in usages()
    assert "mart_daily_kpis DAY [CURRENCY]" in usages()
    assert "sale ID" in usages()
    assert read_key("mart_sales_by_customer", ["12", "2026-11-05"]) == {
        "customer_id": 12,
        "sold_date": date(2026, 11, 5),
    }


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-05T10",
        "2026-11-05 10:00",
        "2026-11-05T10:00:00Z",
        "2026-11-05T10:30",
        "2026-11-05T15:59:59.9+05:30",
        "2026-11-05T11:00+01:00",
    ],
)
def test_an_hour_is_in_utc_unless_it_says_otherwise(text: str) -> None:
    (moment,) = [value for value in read_key("mart_sales_by_hour", ["1", text]).values() if isinstance(value, datetime)]
    assert moment == datetime(2026, 11, 5, 10, tzinfo=timezone.utc)
    assert moment.utcoffset() is not None
    assert moment - datetime(2026, 11, 5, 9, tzinfo=timezone.utc) == timedelta(hours=1)


@pytest.mark.parametrize(
    "key", [[], ["12"], ["12", "2026-11-05", "EUR", "more"], ["twelve", "2026-11-05"], ["12", "5"]]
)
def test_a_key_of_another_form_is_refused(key: list[str]) -> None:
    with pytest.raises(ConfigurationError) as raised:
        read_key("mart_sales_by_customer", key)
    assert raised.value.remedy == "say ./retail why mart_sales_by_customer CUSTOMER DAY [CURRENCY]"
