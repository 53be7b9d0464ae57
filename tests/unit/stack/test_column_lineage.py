"""The column lineage: it is left out with its reason where it cannot be made, and its page may ask no other address."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from rich.console import Console

from medallion.errors import RetailError, ToolUnavailable
from stack.commands import column_lineage
from stack.commands.column_lineage import seal, write_lineage
from stack.host.console import Talk
from stack.host.home import Home

COLIBRI = """#!{python}
import os, pathlib, sys
folder = pathlib.Path(sys.argv[sys.argv.index("--output-dir") + 1])
folder.mkdir()
page = folder / "index.html"
page.write_text("<html><head><title>columns</title></head>" + repr(sorted(os.environ)) + repr(sys.argv))
sys.exit({code})
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home").prepare()
    (home.path / "site").mkdir()
    return home


@pytest.fixture
def said() -> io.StringIO:
    return io.StringIO()


def write(home: Home, said: io.StringIO, error: RetailError | None = None) -> bool:
    def compile_models(target: Path) -> None:
        if error:
            raise error
        target.mkdir()

    return write_lineage(home, home.path / "site", Talk(Console(file=said, width=400)), compile_models)


def install(monkeypatch: pytest.MonkeyPatch, home: Home, code: int) -> None:
    program = home.path / "colibri"
    program.write_text(COLIBRI.format(python=sys.executable, code=code))
    program.chmod(0o700)
    monkeypatch.setattr(column_lineage, "open_environment", lambda *_: home.path)


def test_the_page_is_made_without_our_secrets_and_asks_no_other_address(
    monkeypatch: pytest.MonkeyPatch, home: Home, said: io.StringIO
) -> None:
    monkeypatch.setenv("RETAIL_PG_PASSWORD", "canary")
    install(monkeypatch, home, 0)
    assert write(home, said)
    page = (home.path / "site" / "lineage" / "index.html").read_text()
    assert "RETAIL_PG_PASSWORD" not in page
    for silent in ("DBT_COLIBRI_NO_VERSION_CHECK", "DISABLE_COLIBRI_TELEMETRY", "--disable-telemetry"):
        assert silent in page
    head = page[page.index("<head>") :]
    assert head.startswith('<head><meta http-equiv="Content-Security-Policy" content="default-src \'none\';')
    assert "connect-src data: blob:;" in head
    assert "http" not in head[: head.index("<title>")].replace("http-equiv", "")


def test_without_the_environment_there_is_a_warning_and_no_page_of_before(
    monkeypatch: pytest.MonkeyPatch, home: Home, said: io.StringIO
) -> None:
    (home.path / "site" / "lineage").mkdir()

    def offline(*_: object) -> Path:
        raise ToolUnavailable("the environment colibri cannot be installed: no network", remedy="fix it")

    monkeypatch.setattr(column_lineage, "open_environment", offline)
    assert not write(home, said)
    assert "no column lineage: the environment colibri cannot be installed: no network" in said.getvalue()
    assert not (home.path / "site" / "lineage").exists()


@pytest.mark.parametrize("error", [None, RetailError("dbt compile failed", remedy="fix the model")])
def test_a_tool_or_a_model_that_fails_leaves_the_documentation(
    monkeypatch: pytest.MonkeyPatch, home: Home, said: io.StringIO, error: RetailError | None
) -> None:
    install(monkeypatch, home, 3)
    assert not write(home, said, error)
    assert ("dbt compile failed" if error else "colibri ended without a page") in said.getvalue()
    assert not (home.path / "site" / "lineage").exists()


def test_a_page_that_cannot_be_sealed_is_not_shown(tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    page.write_text("<html><head lang=en></head></html>")
    with pytest.raises(ValueError, match="no <head>"):
        seal(page)


def test_a_page_is_sealed_once(tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    page.write_text("<head></head><head></head>")
    seal(page)
    assert page.read_text().count("Content-Security-Policy") == 1
