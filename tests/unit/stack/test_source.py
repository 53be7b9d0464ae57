"""The data set stays that of the first start until the user asks for another, and is told that it changed."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from medallion.errors import ConfigurationError
from stack.host.home import Home
from stack.host.settings import StackSettings
from stack.services.source_api import (
    PINNED,
    ask_for_chaos,
    changed_data_set,
    pinned_data_set,
    require_same_faults,
    source_service,
)

FIRST = datetime(2026, 11, 20, 15, 30, tzinfo=timezone.utc)
LATER = datetime(2027, 2, 1, 8, tzinfo=timezone.utc)


def test_the_first_start_begins_at_a_midnight_fourteen_months_ago(home: Home) -> None:
    assert pinned_data_set(home, {}, FIRST)["SOURCE_START"] == "2025-09-21T00:00:00Z"


def test_a_later_start_serves_the_data_set_of_the_first(home: Home) -> None:
    first = pinned_data_set(home, {"SOURCE_SEED": "7", "SOURCE_CUSTOMERS": "50"}, FIRST)
    assert pinned_data_set(home, {}, LATER) == first
    assert first["SOURCE_SEED"] == "7"
    assert changed_data_set(home, {}) == []


def test_the_whole_data_set_is_pinned_so_that_a_new_default_does_not_change_it(home: Home) -> None:
    assert set(pinned_data_set(home, {}, FIRST)) == set(PINNED)


def test_a_change_that_was_asked_for_is_made_and_remembered(home: Home) -> None:
    pinned_data_set(home, {"SOURCE_SEED": "7"}, FIRST)
    assert pinned_data_set(home, {"SOURCE_SEED": "8"}, LATER)["SOURCE_SEED"] == "8"
    assert pinned_data_set(home, {}, LATER)["SOURCE_SEED"] == "8"


def test_a_page_is_made_by_one_thread_unless_the_user_says_otherwise(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("POLARS_MAX_THREADS", raising=False)
    assert source_service(home, 4010, "key").environment["POLARS_MAX_THREADS"] == "1"
    monkeypatch.setenv("POLARS_MAX_THREADS", "8")
    assert source_service(home, 4010, "key").environment["POLARS_MAX_THREADS"] == "8"


def test_a_change_is_reported(home: Home) -> None:
    assert changed_data_set(home, {"SOURCE_SEED": "8"}) == []
    pinned_data_set(home, {"SOURCE_SEED": "7"}, FIRST)
    assert changed_data_set(home, {"SOURCE_SEED": "8"}) == ["SOURCE_SEED"]
    assert changed_data_set(home, {"SOURCE_SEED": "7"}) == []


def test_a_change_of_what_the_first_start_left_to_its_default_is_reported(home: Home) -> None:
    pinned_data_set(home, {}, FIRST)
    assert changed_data_set(home, {"SOURCE_SALES_PER_HOUR": "5000"}) == ["SOURCE_SALES_PER_HOUR"]
    assert changed_data_set(home, {"SOURCE_SALES_PER_HOUR": "5"}) == []


def test_an_edition_of_the_sample_data_that_is_not_the_one_loaded_is_reported(home: Home) -> None:
    home.remember("source", {"SOURCE_SEED": "42"})  # by a version that had no editions
    assert changed_data_set(home, {}) == ["the edition of the sample data"]
    pinned_data_set(home, {}, LATER)
    assert changed_data_set(home, {}) == ["the edition of the sample data"]


def test_an_empty_variable_changes_nothing(home: Home) -> None:
    first = pinned_data_set(home, {"SOURCE_SEED": "7"}, FIRST)
    assert changed_data_set(home, {"SOURCE_SEED": ""}) == []
    assert pinned_data_set(home, {"SOURCE_SEED": ""}, LATER) == first


def test_the_key_goes_to_the_source_by_environment_and_not_by_argument(home: Home) -> None:
    """Arguments can be read by every user of the machine."""
    service = source_service(home, 4010, "canary")
    assert service.environment["SOURCE_API_KEY"] == "canary"
    assert "canary" not in repr(service)


def test_chaos_reaches_the_source_that_is_started_next(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_CHAOS", "slow")
    ask_for_chaos(StackSettings(retail_home=home.path), "errors:0.5")
    assert source_service(home, 4010, "key").environment["SOURCE_CHAOS"] == "errors:0.5"
    require_same_faults(home)
    monkeypatch.delenv("SOURCE_CHAOS")
    with pytest.raises(ConfigurationError, match=r"is running with errors:0.5 faults, not with none"):
        require_same_faults(home)


@pytest.mark.parametrize(
    ("faults", "url", "words"),
    [
        ("erors", None, "'erors' is not a fault; there are late-commits"),
        ("errors", "http://shop.example", "names another one"),
    ],
)
def test_chaos_that_cannot_be_is_refused(home: Home, faults: str, url: str | None, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        ask_for_chaos(StackSettings(retail_home=home.path, source_api_url=url), faults)


def test_the_source_is_given_no_secret_but_its_own(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = ("DATABASE_URL", "AIRFLOW_DATABASE_URL", "AIRFLOW_CONN_ALARM", "AIRFLOW__CORE__FERNET_KEY", "PGPASSWORD")
    for name in secrets:
        monkeypatch.setenv(name, f"canary of {name}")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.org")
    environment = source_service(home, 1, "key").environment
    assert [name for name, value in environment.items() if "canary" in value] == []
    assert (environment["SOURCE_API_KEY"], environment["HTTPS_PROXY"]) == ("key", "http://proxy.example.org")
