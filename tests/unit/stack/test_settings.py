"""Settings of the stack: what cannot be is refused by its name, what is empty is not set."""

from __future__ import annotations

from pathlib import Path

import pytest

from medallion.errors import ConfigurationError
from medallion.settings import PROJECT_ROOT
from stack.host.settings import StackSettings, load_stack_settings

PORTS = ["API_PORT", "POSTGRES_PORT", "AIRFLOW_PORT", "DOCS_PORT"]


@pytest.fixture(autouse=True)
def nothing_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in StackSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize("variable", PORTS)
@pytest.mark.parametrize("value", ["http", "0", "-1", "65536", "80 81"])
def test_a_port_that_cannot_be_is_refused_by_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError) as refused:
        load_stack_settings()
    assert refused.value.message.startswith(f"{variable}: ")
    assert variable in refused.value.remedy
    assert refused.value.exit_code == 3


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in StackSettings.model_fields:
        monkeypatch.setenv(name.upper(), "")
    settings = load_stack_settings()
    assert settings == StackSettings()
    assert settings.database_url is None
    assert settings.retail_home == PROJECT_ROOT / "data"
    assert not settings.is_explicit("api_port")


def test_only_a_port_that_was_set_is_explicit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_PORT", "4010")
    settings = load_stack_settings()
    assert settings.is_explicit("api_port")
    assert not settings.is_explicit("postgres_port")


def test_a_relative_home_is_made_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RETAIL_HOME", "here/../there")
    assert load_stack_settings().retail_home == tmp_path.resolve() / "there"


@pytest.mark.parametrize(
    "address",
    [
        "canary",
        "host=127.0.0.1 password=canary",
        "mysql://user:canary@127.0.0.1/retail",
        "postgresql+psycopg2://user:canary@127.0.0.1/retail",
        "postgresql://user:canary@127.0.0.1:port/retail",
        "postgresql://user:canary@127.0.0.1:99999/retail",
        "postgresql://user:canary@[127.0.0.1/retail",
    ],
)
def test_an_address_that_is_none_of_a_warehouse_is_refused_without_repeating_it(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """The address holds the password, so the error must not show it."""
    monkeypatch.setenv("DATABASE_URL", address)
    with pytest.raises(ConfigurationError) as refused:
        load_stack_settings()
    assert refused.value.message.startswith("DATABASE_URL: ")
    assert "canary" not in f"{refused.value} {refused.value.__cause__}"


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_both_schemes_of_a_postgres_address_are_taken(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    address = f"{scheme}://user:p%40ss@db.example:5433/retail?sslmode=require"
    monkeypatch.setenv("DATABASE_URL", address)
    assert load_stack_settings().require_database_url() == address


def test_secrets_do_not_show_in_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:canary@db.example/retail")
    monkeypatch.setenv("AIRFLOW_DATABASE_URL", "postgresql://user:canary@db.example/airflow")
    monkeypatch.setenv("SOURCE_API_KEY", "canary")
    assert "canary" not in repr(load_stack_settings())
