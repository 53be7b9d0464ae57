"""The tree of errors stands in one file, and its drawing is the tree."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from medallion import errors
from medallion.errors import RetailError
from tests.product_files import PRODUCT, product_files

ROOT = Path(__file__).parents[2]
TREE = ROOT / "medallion" / "errors.py"


def error_classes(source: str) -> set[str]:
    """Classes of that source that extend one of ours, by whatever name it was imported."""
    known = {name for name, one in vars(errors).items() if isinstance(one, type) and issubclass(one, RetailError)}
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module == errors.__name__:
            known |= {alias.asname for alias in node.names if alias.asname and alias.name in known}
        if isinstance(node, ast.ClassDef) and known & {ast.unparse(base).rpartition(".")[2] for base in node.bases}:
            found.add(node.name)
            known.add(node.name)
    return found


@pytest.mark.parametrize("package", PRODUCT)
def test_no_other_module_defines_an_error(package: str) -> None:
    files = [file for file in product_files(package) if file != TREE]
    elsewhere = {str(file.relative_to(ROOT)): error_classes(file.read_text(encoding="utf-8")) for file in files}
    assert {file: found for file, found in elsewhere.items() if found} == {}


@pytest.mark.parametrize(
    "source",
    [
        "from medallion.errors import SourceError\nclass Found(SourceError): ...",
        "from medallion.errors import SourceError as S\nclass Found(S): ...",
        "from medallion import errors\nclass Found(errors.SourceError): ...",
    ],
)
def test_an_error_that_another_module_defines_is_found(source: str) -> None:
    assert error_classes(source) == {"Found"}


def test_the_drawing_shows_every_error_in_its_place() -> None:
    drawn = list(_drawn(errors.__doc__ or ""))
    assert drawn == list(_defined(RetailError))


def _drawn(text: str) -> Iterator[tuple[int, str]]:
    """Depth and name of each line of the drawing."""
    for line in text.splitlines():
        if found := re.match(r"^    (?P<before>[│├└─ ]*)(?P<name>[A-Z]\w+)( {2,}|$)", line):
            yield len(found["before"]) // 4, found["name"]


def _defined(error: type[RetailError], depth: int = 0) -> Iterator[tuple[int, str]]:
    """Depth and name of each class of the tree, in the order in which the file defines them."""
    yield depth, error.__name__
    for one in error.__subclasses__():
        if one.__module__ == errors.__name__:
            yield from _defined(one, depth + 1)
