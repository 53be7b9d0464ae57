"""docs/data-dictionary.md: every table of Silver and Gold, with its columns. `python -m gold.dictionary` writes it.

Silver is described by its declarations, Gold by the `.yml` next to each model. Neither a database nor dbt is asked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medallion.entities.generated import VERSIONS, silver_columns, version_columns, version_key
from medallion.entities.registry import TABLES
from medallion.settings import PROJECT_ROOT
from medallion.yaml_files import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from medallion.entities.entity import Table

PAGE = PROJECT_ROOT / "docs" / "data-dictionary.md"
_DBT = PROJECT_ROOT / "dbt"
_MODELS = _DBT / "models" / "gold"
_HEAD = """\
# Data dictionary

Every table of Silver and Gold: what it holds, its grain, its columns, and who may read them. This page is generated
from the declarations in `medallion/entities/` and the `.yml` next to each model: change it there, then run
`.venv/bin/python -m gold.dictionary`.

- *Rules* of Silver are what a value of the source has to be: a record that breaks one goes to quarantine. Those of Gold
  are constraints of the table. What follows *tested* is tested by dbt after a build, and a failed test fails the run;
  *in `gold.dim_store`* means that each value has its row there.
- *Reader* says whether `retail_reader`, and so `retail_analyst`, may read the column. Columns that identify a person
  are hidden from both, and so is the checksum of a record that has some.
- Left out: the change logs that builds of Gold read (`gold.*_change`), and `meta`, whose tables and columns
  have comments: `\\d+ meta.load` in `./retail psql` shows them. Views for analysts are in [SQL for analysts](sql.md).
"""
_BUILT = {
    "core": "Built by every hourly run that has something to take.",
    "marts": "Built by every hourly run that has something to take, once core has passed its tests.",
    "nightly": "Built as a whole every night, as of the business date.",
    "membership": "Built as a whole once a day, from all the files that were delivered.",
    "dashboards": "A view, for dashboards. Built again only when its definition changes.",
}
_DOC = re.compile(r"\{\{ doc\('(\w+)'\) \}\}")
_DOCS = re.compile(r"\{% docs (\w+) %\}(.*?)\{% enddocs %\}", re.DOTALL)
_GRAIN = re.compile(r"\b(?:Grain: one|One) (row per [^.]+)\.\s*")
_REF = re.compile(r"ref\('(\w+)'\)")
_TIME = "timestamp with time zone"


@dataclass(frozen=True)
class DescribedColumn:
    """A column as the page shows it. `rules` are what holds for its values."""

    name: str
    type: str
    description: str
    rules: str
    is_personal: bool


@dataclass(frozen=True)
class DescribedTable:
    """A table as the page shows it: what it holds, its grain ("row per …"), and what holds for its rows."""

    name: str
    description: str
    grain: str
    facts: tuple[str, ...]
    columns: tuple[DescribedColumn, ...]


def page() -> str:
    """The text of docs/data-dictionary.md."""
    parts = (("Silver", silver_tables()), ("Gold", gold_tables()))
    return _HEAD + "".join(_layer(title, list(tables)) for title, tables in parts)


def silver_tables() -> Iterator[DescribedTable]:
    """Each table of Silver, followed by the table of its versions."""
    for table in TABLES.values():
        yield _silver(table, table.name, table.description, table.key, silver_columns(table), table.personal_columns)
        if table.versions:
            # The checksum of a person's record is hidden, too: a reader could try out what the record holds.
            digest = {"row_checksum"} if table.personal_columns else set()
            key, personal = version_key(table), _personal_names() | digest
            yield _silver(table, table.versions, VERSIONS, key, version_columns(table), personal)


def gold_tables() -> Iterator[DescribedTable]:
    """Each table of Gold, by folder and name. Raises ValueError for a `doc()` that has no block."""
    blocks = _doc_blocks()
    tests = {file.stem: file.read_text(encoding="utf-8") for file in sorted((_DBT / "tests").rglob("*.sql"))}
    for folder in _BUILT:
        for file in sorted((_MODELS / folder).glob("*.yml")):
            for model in read_yaml(file).get("models", []):
                read_by = [name for name, text in tests.items() if _reads(text, model["name"])]
                yield _gold(folder, model, blocks, read_by)


def short_type(name: str) -> str:
    """The name of a type in Postgres, the same for all ways to write it."""
    return name.replace(_TIME, "timestamptz").replace(", ", ",").removesuffix(' collate "C"')


def _silver(
    table: Table,
    name: str,
    description: str,
    key: tuple[str, ...],
    columns: list[tuple[str, str, str]],
    personal: Iterable[str],
) -> DescribedTable:
    rules = {one.name: one.type.rule for one in table.columns}
    shown = []
    for column, kind, text in columns:
        # Every column of Silver is `not null`; what follows in a type is its default.
        sort, _, _ = kind.partition(" not null")
        said = f"not null; {rules[column]}" if column in rules else "not null"
        shown.append(DescribedColumn(column, short_type(sort), text, said, column in personal))
    what, grain = _split(description)
    return DescribedTable(f"silver.{name}", what, grain, (f"Primary key: {_named(key)}.",), tuple(shown))


def _gold(folder: str, model: dict[str, Any], blocks: dict[str, str], tests: list[str]) -> DescribedTable:
    personal = _personal_names()
    columns = tuple(
        DescribedColumn(
            one["name"],
            short_type(one["data_type"]),
            _resolved(one.get("description", ""), blocks),
            _rules(one),
            one["name"] in personal,
        )
        for one in model["columns"]
    )
    what, grain = _split(_resolved(model.get("description", ""), blocks))
    facts = (_BUILT[folder], *_table_rules(model), *([f"Tested by `dbt/tests`: {_named(tests)}."] if tests else []))
    return DescribedTable(f"gold.{model['name']}", what, grain, facts, columns)


def _personal_names() -> set[str]:
    """Names of columns that any table declares personal: hidden in Gold and in versions, as by `meta.grant_reader`."""
    return {name for table in TABLES.values() for name in table.personal_columns}


def _doc_blocks() -> dict[str, str]:
    texts = (file.read_text(encoding="utf-8") for file in sorted((_DBT / "models").rglob("*.md")))
    return {name: " ".join(text.split()) for one in texts for name, text in _DOCS.findall(one)}


def _resolved(text: str, blocks: dict[str, str]) -> str:
    """The description on one line, with the text of each `doc()` in its place."""
    missing = [name for name in _DOC.findall(text) if name not in blocks]
    if missing:
        raise ValueError(f"doc('{missing[0]}') has no block in dbt/models: write one, or correct the name")
    return " ".join(_DOC.sub(lambda found: blocks[found[1]], text).split())


def _split(description: str) -> tuple[str, str]:
    """What a table holds, and its grain, which its description says in a sentence."""
    found = _GRAIN.search(description)
    return _GRAIN.sub("", description, count=1).strip(), found[1] if found else ""


def _rules(column: dict[str, Any]) -> str:
    """The constraints of a column, then what is tested."""
    held = [one["type"].replace("_", " ") for one in column.get("constraints", [])]
    tested = [_column_test(one) for one in column.get("data_tests", [])]
    return "; ".join([*held, *([f"tested: {', '.join(tested)}"] if tested else [])])


def _column_test(test: str | dict[str, Any]) -> str:
    name, arguments = _test(test)
    if name == "relationships":
        return f"in `gold.{_REF.findall(arguments['to'])[0]}`"
    if name == "accepted_values":
        return "one of " + ", ".join(str(one) for one in arguments["values"])
    return name.replace("_", " ")


def _table_rules(model: dict[str, Any]) -> Iterator[str]:
    for one in model.get("constraints", []):
        if one["type"] == "primary_key":
            yield f"Primary key: {_named(one['columns'])}."
        else:
            yield f"Constraint: `{one['expression']}`."
    for test in model.get("data_tests", []):
        name, arguments = _test(test)
        if name == "retail_generic.unique_combination":
            yield f"Tested: {_named(arguments['columns'])} are unique together."
        else:
            yield f"Tested: `{arguments['expression']}`."
    for audit in model.get("config", {}).get("meta", {}).get("audits", []):
        warns = " A failure only warns." if audit["severity"] == "warn" else ""
        yield f"Audited: {audit['says']}.{warns}"


def _test(test: str | dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Name and arguments of a data test."""
    if isinstance(test, str):
        return test, {}
    [(name, content)] = test.items()
    return name, content.get("arguments", {})


def _reads(sql: str, model: str) -> bool:
    """Whether a test names the model, with or without `mart_` in front."""
    return any(f"'{name}'" in sql for name in (model, model.removeprefix("mart_")))


def _named(names: Iterable[str]) -> str:
    return ", ".join(f"`{one}`" for one in names)


def _layer(title: str, tables: list[DescribedTable]) -> str:
    return f"\n## {title}\n\n{_contents(tables)}" + "".join(map(_section, tables))


def _contents(tables: list[DescribedTable]) -> str:
    rows = (f"| [`{one.name}`](#{one.name.replace('.', '')}) | {_cell(one.grain)} |\n" for one in tables)
    return "| table | one |\n|---|---|\n" + "".join(rows)


def _section(table: DescribedTable) -> str:
    what = f"{table.description}\n\n" if table.description else ""
    facts = "".join(f"- {one}\n" for one in (f"Grain: one {table.grain}.", *table.facts))
    rows = "".join(map(_row, table.columns))
    head = "| column | type | meaning | rules | reader |\n|---|---|---|---|---|\n"
    return f"\n### {table.name}\n\n{what}{facts}\n{head}{rows}"


def _row(column: DescribedColumn) -> str:
    reader = "no: personal" if column.is_personal else "yes"
    cells = (f"`{column.name}`", column.type, column.description, column.rules, reader)
    return "| " + " | ".join(map(_cell, cells)) + " |\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
