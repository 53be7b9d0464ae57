"""What notebooks are given: the reader's address, a key, and nothing else of ours."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from medallion.errors import ConfigurationError, NotebookFailed, SettingMissing
from stack.commands.notebook import _chosen, _failure, _require_reader
from stack.host.home import Home
from stack.host.settings import StackSettings
from stack.services.notebook import (
    notebook_address,
    notebook_environment,
    notebook_files,
    notebook_service,
    pages_folder,
)

READER = "postgresql://retail_reader:of-the-reader@127.0.0.1:5433/retail"


def test_notebooks_get_no_secret_but_the_readers_address_and_the_key(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DATABASE_URL", "HTTPS_PROXY", "SOURCE_API_KEY", "PGPASSWORD"):
        monkeypatch.setenv(name, "canary")
    home.secret("postgres_retail")
    service = notebook_service(home, Path("/environment/bin"), 8890, READER)
    words = str(dict(service.environment))
    assert "canary" not in words
    assert home.secret("postgres_retail") not in words
    assert service.environment["READER_DATABASE_URL"] == READER
    key = service.environment["JUPYTER_TOKEN"]
    assert key == home.secret("notebook_key")
    assert key not in str(service.command)
    assert "of-the-reader" not in str(service.command)
    assert "JUPYTER_TOKEN" not in notebook_environment(home, READER)


def test_what_jupyter_keeps_is_below_retail_home_and_closed_to_others(home: Home) -> None:
    environment = notebook_environment(home, READER)
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "MPLCONFIGDIR"):
        assert Path(environment[name]).parent == home.path / "jupyter"
    for folder in (home.path / "jupyter", pages_folder(home)):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_an_address_opens_the_notebook_that_was_named(home: Home) -> None:
    key = home.secret("notebook_key")
    assert notebook_address(home, 8890) == f"http://127.0.0.1:8890/lab?token={key}"
    assert notebook_address(home, 8890, "a") == f"http://127.0.0.1:8890/lab/tree/a.py?token={key}"


def test_a_module_that_notebooks_import_is_no_notebook(tmp_path: Path) -> None:
    (tmp_path / "b.py").write_text("# ---\n# ---\n\n# %%\n1\n")
    (tmp_path / "a.py").write_text('"""Splits at %%."""\n')
    assert list(notebook_files(tmp_path)) == ["b"]


def test_a_notebook_is_named_with_or_without_its_ending() -> None:
    assert list(_chosen("05_executive_summary.py")) == list(_chosen("notebooks/05_executive_summary")) != []
    with pytest.raises(ConfigurationError, match="there is no notebook 'figures'") as refused:
        _chosen("figures")
    assert "05_executive_summary" in refused.value.remedy


def test_a_warehouse_of_the_users_is_never_read_with_the_login_of_its_owner(home: Home) -> None:
    owner = "postgresql://me:mine@db/mine"
    with pytest.raises(SettingMissing, match="READER_DATABASE_URL is not set"):
        _require_reader(home, StackSettings(database_url=owner))
    _require_reader(home, StackSettings(database_url=owner, reader_database_url=READER))


def test_a_failure_names_the_first_cell_and_the_other_notebooks() -> None:
    failed = [{"name": "a", "cell": 4, "section": "Who?", "error": "KeyError: 'x'"}, {"name": "b"}]
    error = _failure(failed)
    assert isinstance(error, NotebookFailed)
    assert error.what_and_why() == ("notebook a failed in cell 4, under 'Who?' (as did b)", "KeyError: 'x'")
    assert "./retail notebook a" in error.remedy
