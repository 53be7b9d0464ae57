"""Nothing generic is secretly about sales: pulls, gaps, ranges and locks name no entity, but those that are of one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("ingestion", "medallion/state", "medallion/bronze", "medallion/alerting")
# Declarations of an entity, and what only sales have: lines, repairs, reconciliation by sale.
OF_SALES = {
    "ingestion/sale_totals.py",
    "ingestion/sales.py",
    "ingestion/sales_backfill.py",
    "medallion/state/reconciliation.py",
    "medallion/state/reconciliation.sql",
    "medallion/state/repairs.py",
    "medallion/state/repairs.sql",
}
# What a generic file may say of sales, and why.
ALLOWED = {
    ("ingestion/api/client.py", "sales"),  # sales_totals: for reconciliation, which asks for nothing else
    ("medallion/state/quarantine.sql", "sales\\_%%"),  # the quarantine has a column for the sale of a record
    ("medallion/state/gold_progress.sql", "sales_item"),  # Gold's one fact
}
NAMES = re.compile(r"sales(_\w+)?|sales\\_%%")
TEXT_IN_SQL = re.compile(r"'([^']*)'")


def literals(file: Path) -> Iterator[str]:
    """Texts of a module or a file of statements, without docstrings and comments."""
    source = file.read_text(encoding="utf-8")
    if file.suffix == ".sql":
        yield from TEXT_IN_SQL.findall(re.sub(r"--.*", "", source))
        return
    tree = ast.parse(source)
    for one in ast.walk(tree):
        if isinstance(one, ast.Constant) and isinstance(one.value, str):
            yield one.value


def named_in(folder: str) -> set[tuple[str, str]]:
    """File and text of every literal that names sales."""
    files = [file for file in sorted((ROOT / folder).rglob("*")) if file.suffix in (".py", ".sql")]
    assert files, f"{folder} is empty: this test would check nothing"
    return {
        (str(file.relative_to(ROOT)), text)
        for file in files
        for text in literals(file)
        if NAMES.fullmatch(text) or text.startswith(("sales ", "sales:", "/sales"))
    }


def test_only_what_is_of_sales_names_them() -> None:
    found = {one for folder in FOLDERS for one in named_in(folder) if one[0] not in OF_SALES}
    assert found == ALLOWED


def test_the_search_finds_what_a_declaration_names() -> None:
    assert {("ingestion/sales.py", "sales"), ("ingestion/sales.py", "sales_customer")} <= named_in("ingestion")
    assert ("medallion/state/reconciliation.sql", "sales") in named_in("medallion/state")


def test_no_generic_module_imports_one_that_is_of_sales() -> None:
    importers = {
        str(file.relative_to(ROOT))
        for file in sorted((ROOT / "ingestion").glob("*.py"))
        for one in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(one, ast.ImportFrom) and (one.module or "") in ("ingestion.sales", "ingestion.split")
    }
    assert importers == {"ingestion/sales.py", "ingestion/sales_backfill.py"}
