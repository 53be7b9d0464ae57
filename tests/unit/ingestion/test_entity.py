"""What a pull takes from a declaration."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from ingestion.listing import pull_of
from ingestion.sales import SALES
from medallion.entities.entity import ByUpdatedAt
from medallion.entities.registry import ENTITIES
from medallion.settings import Settings

SETTINGS = Settings(source_lookback_minutes=7, sales_gap_ttl_hours=5)


def test_a_pull_looks_back_by_the_setting_that_the_entity_declares() -> None:
    customers = ENTITIES["customers"]
    assert pull_of(customers).lookback(SETTINGS) == timedelta(minutes=7)
    other = replace(customers, order=ByUpdatedAt(lookback="sales_gap_ttl_hours"))
    assert pull_of(other).lookback(SETTINGS) == timedelta(minutes=5)


def test_a_listing_by_id_is_not_looked_back_at() -> None:
    assert SALES.is_by_id
    assert SALES.lookback(SETTINGS) == timedelta()
    assert (SALES.id_key, SALES.version) == ("sale_id", None)
    assert (pull_of(ENTITIES["products"]).id_key, pull_of(ENTITIES["products"]).version) == (None, "updated_at")
