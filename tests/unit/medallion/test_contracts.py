"""The contracts of inputs: generated from the declarations, held to what a load checks, and released by version."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from loaders.dataset import DATASETS
from loaders.records import parse_block
from medallion import contracts
from medallion.contracts import Change, compare_contracts, count_fields, diff_contract, diff_releases, released_versions
from medallion.entities.column_types import COUNTRY, CURRENCY, QUANTITY, TEXT
from medallion.entities.contracts import as_yaml, contract_of, released_file
from medallion.entities.entity import PROVENANCE, Column, Entity
from medallion.entities.generated import RELEASES
from medallion.entities.registry import ENTITIES, EVERY, TABLES
from medallion.errors import ConfigurationError
from medallion.settings import PROJECT_ROOT

STORES, SALES = ENTITIES["stores"], ENTITIES["sales"]


def cases_of_patterns() -> list[Any]:
    """The values of tests/cases for columns whose type has a pattern: pattern, value in JSON, whether it fits."""
    files = sorted((PROJECT_ROOT / "tests" / "cases").glob("*.jsonl"))
    cases = [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    types = {(name, one.name): one.type for name, table in TABLES.items() for one in table.columns}
    known = [(types.get((one["dataset"], one["field"])), one["json"], one["fit"]) for one in cases]
    found = [(declared.pattern, value, fit) for declared, value, fit in known if declared and declared.pattern]
    assert len(found) > 20
    return found


def with_columns(entity: Entity, *columns: Column) -> Entity:
    return replace(entity, tables=(replace(entity.tables[0], columns=columns), *entity.tables[1:]))


def with_type(entity: Entity, name: str, **limits: Any) -> Entity:
    """The entity, with another limit in the type of a column."""
    columns = entity.tables[0].columns
    changed = (replace(one, type=replace(one.type, **limits)) if one.name == name else one for one in columns)
    return with_columns(entity, *changed)


def difference(before: Entity, after: Entity) -> list[tuple[str, bool]]:
    return [(one.field, one.is_breaking) for one in compare_contracts(contract_of(before), contract_of(after))]


@pytest.mark.parametrize("entity", EVERY)
def test_a_contract_is_what_was_released_under_its_version(entity: str) -> None:
    """A change needs a version of its own, a major one if it is breaking."""
    found = diff_contract(entity, EVERY[entity].contract)
    assert not found.changes, found.summary()
    file = released_file(entity, EVERY[entity].contract)
    assert (PROJECT_ROOT / file).read_text(encoding="utf-8") == RELEASES[file]()


@pytest.mark.parametrize("entity", EVERY)
def test_each_release_has_the_version_that_its_changes_need(entity: str) -> None:
    assert released_versions(entity)
    assert [one.summary() for one in diff_releases(entity) if not one.is_raised] == []


@pytest.mark.parametrize("entity", EVERY.values(), ids=lambda one: one.name)
def test_the_file_of_a_contract_holds_what_the_declaration_says(entity: Entity) -> None:
    contract = contract_of(entity)
    assert yaml.safe_load(as_yaml(contract)) == contract
    where = PROVENANCE if entity.layout else ()
    declared = [column for table in entity.tables for column in table.columns if column.name not in where]
    nested = [table for table in entity.tables if table.nested_in]
    assert count_fields(contract) == len(declared)  # a line has no key of its sale, and the sale has its lines
    assert as_yaml(contract).count("classification:") == sum(one.is_personal for one in declared)
    assert len(nested) == ("lines" in str(contract["schema"][0]["properties"][-1]["name"]))


@pytest.mark.parametrize(("pattern", "raw", "fit"), cases_of_patterns())
def test_a_pattern_of_a_contract_admits_what_a_load_admits(pattern: str, raw: str, fit: bool) -> None:
    value = json.loads(raw) if raw.startswith('"') else None
    of_standard = pattern.replace("$", r"\Z")  # ECMA's $ is the end, Python's may have a line break after it
    assert (isinstance(value, str) and re.search(of_standard, value, re.ASCII) is not None) is fit


@pytest.mark.parametrize("name", ["sale_id", "line_no", "quantity"])
def test_the_bounds_of_a_contract_are_those_of_a_load(name: str) -> None:
    (line,) = [one for one in contract_of(SALES)["schema"][0]["properties"] if one["name"] == "lines"]
    found = {one["name"]: one for one in [*contract_of(SALES)["schema"][0]["properties"], *line["items"]["properties"]]}
    bounds = found[name]["logicalTypeOptions"]

    def is_taken(value: int) -> bool:
        record = {"sale_id": 1, "line_no": 1, "product_id": 1, "quantity": 1, "unit_price": "1", "discount": "0"}
        text = json.dumps(record | {name: value}).encode() + b"\n"
        return not parse_block(DATASETS["sales_product"], text, 1).rejections

    tried = (bounds["minimum"] - 1, bounds["minimum"], bounds["maximum"], bounds["maximum"] + 1)
    assert [is_taken(value) for value in tried] == [False, True, True, False]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (with_columns(STORES, *STORES.tables[0].columns, Column("phone", TEXT, "Phone.")), [("phone", True)]),
        (with_columns(STORES, *STORES.tables[0].columns[:-1]), [("updated_at", True)]),
        (with_type(STORES, "store_id", maximum=2**40), [("store_id", False)]),
        (with_type(STORES, "store_id", maximum=1_000), [("store_id", True)]),
        (with_type(STORES, "store_id", minimum=0), [("store_id", False)]),
        (with_type(STORES, "store_id", minimum=None), [("store_id", False)]),
        (with_type(STORES, "currency", pattern="^[A-Z]{2}$"), [("currency", True)]),
        (with_type(STORES, "currency", pattern=None), [("currency", False)]),
        (with_type(STORES, "city", pattern="^.{1,80}$"), [("city", True)]),
        (with_type(STORES, "city", rule="text of one line"), [("city", True)]),
        (
            with_type(STORES, "store_id", maximum=2**40, rule="a whole number from 1 to 2^40"),
            [("store_id", False)] * 2,
        ),
        (
            with_type(STORES, "store_id", maximum=2**40, rule="an even number up to 2^40"),
            [("store_id", True), ("store_id", False)],
        ),
        (with_type(STORES, "is_active", json="string"), [("is_active", True)] * 2),
        (replace(STORES, is_optional=False), [("", True), ("", False)]),
        (replace(STORES, lasting=()), [("", False)]),
        (replace(STORES, lasting=(*STORES.lasting, "country")), [("", True)]),
        (replace(STORES, contract="9.0.0"), []),
    ],
)
def test_a_change_is_breaking_if_a_record_that_fitted_may_not_fit(
    after: Entity, expected: list[tuple[str, bool]]
) -> None:
    assert difference(STORES, after) == expected


def test_an_optional_entity_and_an_explanation_may_come_later() -> None:
    named = [replace(one, description="Another.", is_personal=True) for one in STORES.tables[0].columns[:1]]
    assert not any(
        breaks for _, breaks in difference(STORES, with_columns(STORES, *named, *STORES.tables[0].columns[1:]))
    )
    assert difference(replace(STORES, is_optional=False), STORES) == [("", False), ("", False)]


def test_a_field_of_a_line_is_named_by_its_path() -> None:
    lines = SALES.tables[1]
    narrower = tuple(replace(one, type=CURRENCY) if one.type is QUANTITY else one for one in lines.columns)
    after = replace(SALES, tables=(SALES.tables[0], replace(lines, columns=narrower)))
    assert {field for field, _ in difference(SALES, after)} == {"lines[].quantity"}


def test_the_version_that_changes_need_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    wider = with_type(STORES, "store_id", maximum=2**40)
    monkeypatch.setitem(contracts.EVERY, "stores", wider)
    found = diff_contract("stores")
    assert (found.needs, found.is_raised, found.is_breaking) == ("1.1.0", False, False)
    assert 'set contract="1.1.0" in medallion/entities/stores.py' in found.summary()
    monkeypatch.setitem(contracts.EVERY, "stores", with_type(wider, "country", pattern=CURRENCY.pattern))
    found = diff_contract("stores")
    assert (found.needs, found.is_raised, found.is_breaking) == ("2.0.0", False, True)
    assert found.summary().splitlines()[:2] == [
        "stores 1.0.0 → 1.0.0: BREAKING",
        f"  BREAKING   country: pattern {COUNTRY.pattern} → {CURRENCY.pattern}",
    ]


def test_a_release_with_too_low_a_version_is_found(tmp_path: Path) -> None:
    narrower = with_type(STORES, "store_id", maximum=1_000)
    for entity in (STORES, replace(narrower, contract="1.9.0"), replace(narrower, contract="1.10.0")):
        file = tmp_path / released_file("stores", entity.contract)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(as_yaml(contract_of(entity)), encoding="utf-8")
    assert released_versions("stores", tmp_path) == ("1.0.0", "1.9.0", "1.10.0")
    assert [(one.needs, one.is_raised) for one in diff_releases("stores", tmp_path)] == [
        ("2.0.0", False),
        ("1.9.0", True),
    ]
    with pytest.raises(ConfigurationError, match=r"the contract of stores has no released version 3\.0\.0"):
        diff_contract("stores", "3.0.0", tmp_path)


def test_a_change_is_one_line() -> None:
    assert Change("", "orderedBy id → updated_at", is_breaking=True).words() == (
        "BREAKING   the contract: orderedBy id → updated_at"
    )
