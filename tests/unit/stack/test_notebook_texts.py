"""The notebooks as text: sections that ask a question, no outputs, no figure that a query could give."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from types import ModuleType

import pytest

from medallion import metrics
from medallion.settings import PROJECT_ROOT
from report import words
from stack.host.environments import LOCKS
from stack.services.notebook import FOLDER, notebook_files

NOTEBOOKS = notebook_files()
HEADER = "# ---\n# jupyter:\n#   kernelspec:\n"
CELL = re.compile(r"^# %%( \[markdown\])?( tags=\[.*\])?$", re.MULTILINE)
# A year or a day, a currency, an amount: what a query gives.
HARD_CODED = re.compile(r"\b(19|20)\d\d\b|\b(EUR|CHF|USD|GBP)\b|[€$]|\d\d\d[,.]\d")
WRITES = re.compile(r"\b(insert|update|delete|truncate|create|drop|alter|grant)\b", re.IGNORECASE)


def cells(text: str) -> list[tuple[str, str]]:
    """Kind and source of each cell."""
    marks = list(CELL.finditer(text))
    ends = [*(one.start() for one in marks[1:]), len(text)]
    return [
        ("markdown" if mark[1] else "code", text[mark.end() : end].strip())
        for mark, end in zip(marks, ends, strict=True)
    ]


def of(name: str) -> list[tuple[str, str]]:
    return cells(NOTEBOOKS[name].read_text(encoding="utf-8"))


def loaded(name: str) -> ModuleType:
    """A module that notebooks import, if it needs none of their packages."""
    spec = importlib.util.spec_from_file_location(f"notebook_{name}", FOLDER / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_there_are_five_notebooks_in_order() -> None:
    assert [name[:3] for name in NOTEBOOKS] == ["01_", "02_", "03_", "04_", "05_"]
    assert list(FOLDER.rglob("*.ipynb")) == []


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_begins_with_its_kernel_one_title_and_an_introduction(name: str) -> None:
    assert NOTEBOOKS[name].read_text(encoding="utf-8").startswith(HEADER)
    kind, first = of(name)[0]
    title, *introduction = [line.lstrip("# ") for line in first.splitlines()]
    assert kind == "markdown"
    assert first.startswith("# # ")
    assert len(title) > 5
    assert 100 < len(" ".join(introduction)) < 700
    assert [one for _, one in of(name) if one.startswith("# # ")] == [first]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_each_section_asks_one_question_and_has_code_that_answers(name: str) -> None:
    kinds = [kind for kind, _ in of(name)]
    titles = [source.splitlines()[0] for kind, source in of(name)[1:] if kind == "markdown"]
    assert len(titles) >= 4
    assert [one for one in titles if not re.fullmatch(r"# ## [A-Z][^?]*(: [^?]*)?\?", one)] == []
    assert "markdown markdown" not in " ".join(kinds)
    assert kinds[-1] == "code"


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_cell_is_python_and_a_plot_has_a_sentence_under_it(name: str) -> None:
    for kind, source in of(name):
        if kind == "code":
            ast.parse(source)
            if "with plot(" in source or "with by_currency(" in source:
                assert "say(" in source, source


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_no_text_holds_what_a_query_gives(name: str) -> None:
    found = [line for _, source in of(name) for line in source.splitlines() if HARD_CODED.search(line)]
    assert found == []


@pytest.mark.parametrize("text", ["revenue of 2025", "is in CHF", "€12", "brought 1,234,567"])
def test_a_hard_coded_figure_is_found(text: str) -> None:
    assert HARD_CODED.search(text)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_statements_read_gold_alone(name: str) -> None:
    text = "\n".join(source for kind, source in of(name) if kind == "code")
    statements = [
        node.value
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "select" in node.value
    ]
    assert statements
    assert [one for one in statements if WRITES.search(one)] == []
    schemas = {found for one in statements for found in re.findall(r"\b(?:from|join) (\w+)\.\w", one)}
    assert schemas <= {"gold", "information_schema"}


def test_every_formula_is_that_of_the_platform() -> None:
    figures = loaded("figures")
    known = metrics.metrics()
    assert len(known) > 10
    for name, one in known.items():
        assert written(figures.formula, name) == written(metrics.formula, name)
        assert figures.label(name) == one.label
    summed = [f"sum({one.name}) as {one.name}" for one in metrics.measures().values() if one.is_in_every_mart]
    assert figures.measures() == ", ".join(summed)


def written(formula: Callable[[str], str], name: str) -> str:
    """The formula of a metric, or why it has none."""
    try:
        return formula(name)
    except ValueError as error:
        return str(error)


def test_a_name_in_braces_is_a_metric_or_an_error() -> None:
    figures = loaded("figures")
    assert figures.with_figures("select {net_revenue}") == "select net_amount as net_revenue"
    with pytest.raises(KeyError):
        figures.with_figures("select {no_such_metric}")


@pytest.mark.parametrize("amount", ["0", "-0.4", "12.4", "366870.49", "-1234567"])
@pytest.mark.parametrize("currency", ["EUR", "CHF"])
def test_an_amount_is_written_as_in_the_report(amount: str, currency: str) -> None:
    figures = loaded("figures")
    assert figures.money(Decimal(amount), currency) == words.money(Decimal(amount), currency)
    assert figures.tick_money(float(amount), currency) == words.tick_money(Decimal(amount), currency)


def test_the_lock_has_what_the_environment_asks_for() -> None:
    asked = (LOCKS / "notebooks.in").read_text(encoding="utf-8").splitlines()
    lines = [re.split(r"  # ", line) for line in asked if not line.startswith("#")]
    assert [line for line in lines if len(line) != 2] == [], "each has its reason"
    names = {re.split(r"\[|==|<", line[0])[0].lower() for line in lines}
    lock = (LOCKS / "notebooks.txt").read_text(encoding="utf-8")
    assert names <= set(re.findall(r"^([a-z0-9_.-]+)(?:\[[\w-]+\])?==", lock, re.MULTILINE))
    assert "--universal --python-version 3.10" in lock


def test_what_notebooks_import_is_in_their_environment() -> None:
    lock = (LOCKS / "notebooks.in").read_text(encoding="utf-8").lower()
    own = {one.stem for one in FOLDER.glob("*.py")}
    known_as = {"yaml": "pyyaml", "ipython": "ipykernel"}
    for file in [*FOLDER.glob("*.py"), *(FOLDER / "serving").glob("*.py")]:
        for module in imported(file) - own - standard():
            assert known_as.get(module.lower(), module.lower()) in lock, f"{file.name} imports {module}"


def imported(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    return {name.partition(".")[0] for name in names}


def standard() -> set[str]:
    return {*sys.stdlib_module_names, "__future__"}


def test_no_notebook_is_kept_with_its_outputs() -> None:
    ignored = (PROJECT_ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {"*.ipynb", ".ipynb_checkpoints/"} <= set(ignored)
