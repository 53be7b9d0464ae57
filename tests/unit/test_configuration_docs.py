"""docs/configuration.md is the one list of settings: each test holds it to the code that reads them."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from backend.settings import SourceSettings
from medallion.settings import PROJECT_ROOT, Settings
from stack.host.settings import StackSettings

Row = tuple[str, str, str]
READ_BY = {"pipeline": Settings, "`./retail`": StackSettings, "source API": SourceSettings}


def table() -> list[tuple[str, str, str, str]]:
    """Rows of the table: variable, reader, default, meaning."""
    text = (PROJECT_ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([A-Z_]+)` \| ([^|]*?) \| ?(.*?) ?\| (.*) \|$", text, re.MULTILINE)
    assert rows, "no table in docs/configuration.md"
    return rows


def documented(reader: str) -> set[Row]:
    return {(name, default.strip("`"), meaning) for name, read_by, default, meaning in table() if read_by == reader}


def default_of(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Path):
        return str(value.relative_to(PROJECT_ROOT))
    return value.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, datetime) else str(value)


def defined(settings: type[BaseSettings]) -> set[Row]:
    inherited = Settings.model_fields if settings is StackSettings else {}
    prefix = settings.model_config.get("env_prefix", "")
    return {
        (f"{prefix}{name}".upper(), default_of(field.default), str(field.description))
        for name, field in settings.model_fields.items()
        if name not in inherited
    }


@pytest.mark.parametrize("reader", sorted(READ_BY))
def test_documented_settings_are_those_of_the_class(reader: str) -> None:
    assert documented(reader) == defined(READ_BY[reader])


def test_every_variable_that_dbt_reads_is_documented_with_its_default() -> None:
    files = [*(PROJECT_ROOT / "dbt").glob("*.yml"), *(PROJECT_ROOT / "dbt" / "macros").glob("*.sql")]
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    read = set(re.findall(r"env_var\('([A-Z_]+)'(?:, '([^']*)')?\)", text))
    assert read
    assert read == {(name, default) for name, default, _meaning in documented("dbt")}


def test_every_variable_that_a_dag_reads_is_documented_with_its_default() -> None:
    text = "\n".join(file.read_text(encoding="utf-8") for file in (PROJECT_ROOT / "airflow").glob("*/*.py"))
    read = set(re.findall(r'os\.environ\.get\("([A-Z_]+)", "([^"]*)"\)', text))
    assert read == {(name, default) for name, default, _meaning in documented("DAG")}


def test_every_variable_that_the_launcher_reads_is_documented() -> None:
    text = (PROJECT_ROOT / "retail").read_text(encoding="utf-8")
    read = set(re.findall(r"\$\{(RETAIL_[A-Z_]+)", text))
    assert read - {"RETAIL_HOME"} == {name for name, _default, _meaning in documented("launcher")}


def test_every_relative_link_of_the_docs_points_at_something() -> None:
    pages = [*PROJECT_ROOT.glob("*.md"), *(PROJECT_ROOT / "docs").rglob("*.md")]
    links = [
        (page.name, target)
        for page in pages
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
        if not target.startswith(("http://", "https://"))
        if not (page.parent / target).exists()
    ]
    assert links == []
