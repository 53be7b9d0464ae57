"""A secret may come from a file, and from one place only."""

from __future__ import annotations

from pathlib import Path

import pytest

from medallion.errors import ConfigurationError
from medallion.settings import Settings, load_settings
from stack.host.settings import load_stack_settings

URL = "postgresql://user:p%23ss@host/db"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path))
    secret = tmp_path / "warehouse"
    secret.write_text(URL + "\n")
    return secret


def test_a_secret_is_read_from_its_file_without_the_line_break(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL_FILE", str(file))
    for settings in (load_settings(), load_stack_settings()):
        assert settings.require_database_url() == URL
        assert "p%23ss" not in repr(settings)


def test_a_secret_that_is_given_twice_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL_FILE", str(file))
    monkeypatch.setenv("DATABASE_URL", URL)
    with pytest.raises(ConfigurationError, match="DATABASE_URL and DATABASE_URL_FILE are both set"):
        load_settings()


def test_a_file_that_is_not_there_is_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_API_KEY_FILE", str(file.with_name("gone")))
    with pytest.raises(ConfigurationError, match=r"SOURCE_API_KEY_FILE=.*gone cannot be read: No such file"):
        load_settings()


def test_a_file_wins_over_the_connection_that_up_left(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (file.parent / "connection.env").write_text("DATABASE_URL='postgresql://other@host/db'\n")
    monkeypatch.setenv("DATABASE_URL_FILE", str(file))
    assert load_settings().require_database_url() == URL


def test_only_secrets_are_read_from_files(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRONZE_URL_FILE", str(file))
    assert Settings().bronze_url is None
