"""The data dictionary is what the declarations and the models say, and leaves nothing undescribed."""

from __future__ import annotations

from collections import Counter
from itertools import chain

import pytest

from gold.dashboards import declared_views
from gold.dictionary import PAGE, DescribedTable, _doc_blocks, gold_tables, page, silver_tables
from medallion.entities.registry import TABLES as SILVER
from medallion.process.steps import CORE, MARTS, MEMBERSHIP, NIGHTLY_MARTS
from medallion.settings import PROJECT_ROOT
from medallion.yaml_files import read_yaml

MODELS = PROJECT_ROOT / "dbt" / "models" / "gold"
ENTITY_IDS = {table.key[0] for table in SILVER.values()} - {"sale_id"}

TABLES = [*silver_tables(), *gold_tables()]


def test_the_data_dictionary_is_fresh() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: .venv/bin/python -m gold.dictionary"


def test_every_table_that_a_run_builds_is_in_the_dictionary() -> None:
    views = {f"gold.{name}" for name in declared_views()}
    built = {*CORE, *MARTS, *NIGHTLY_MARTS, *MEMBERSHIP}
    assert {one.name for one in TABLES if one.name.startswith("gold.")} == built | views


@pytest.mark.parametrize("table", TABLES, ids=[one.name for one in TABLES])
def test_every_table_has_a_grain_and_every_column_a_description(table: DescribedTable) -> None:
    assert table.grain
    assert table.columns
    assert [one.name for one in table.columns if not one.description.strip()] == []


def test_personal_columns_are_hidden_wherever_they_are() -> None:
    hidden = {one.name: {column.name for column in one.columns if column.is_personal} for one in TABLES}
    personal = {"first_name", "last_name", "email", "phone"}
    of_customers = ("silver.customers", "silver.customers_version", "gold.dim_customer", "gold.dim_customer_history")
    expected = dict.fromkeys(of_customers, personal) | {"silver.customers_version": personal | {"row_checksum"}}
    assert {name: found for name, found in hidden.items() if found} == expected


def test_a_description_is_of_one_line_and_holds_no_template() -> None:
    texts = [*chain.from_iterable((one.description, *(c.description for c in one.columns)) for one in TABLES)]
    assert [text for text in texts if "{{" in text or "\n" in text] == []


def test_a_description_is_written_once_and_shared_by_doc() -> None:
    written = [
        column["description"].strip()
        for file in MODELS.rglob("*.yml")
        for model in read_yaml(file).get("models", [])
        for column in model["columns"]
    ]
    own = Counter(text for text in written if "doc(" not in text)
    assert [text for text, times in own.items() if times > 1] == []
    assert own.keys() & set(_doc_blocks().values()) == set()


def test_every_shared_description_is_used() -> None:
    texts = "".join(file.read_text(encoding="utf-8") for file in MODELS.rglob("*.yml"))
    shared = (MODELS / "columns.md").read_text(encoding="utf-8")
    names = [line.split()[2] for line in shared.splitlines() if line.startswith("{% docs")]
    assert [name for name in names if f"doc('{name}')" not in texts] == []


def test_every_foreign_key_has_a_relationships_test() -> None:
    """A foreign key is a key of another table, or the id of an entity whose key the model does not have.

    A view for dashboards has the rows of tables that are tested.
    """
    missing = []
    for file in (one for one in MODELS.rglob("*.yml") if one.parent.name != "dashboards"):
        for model in read_yaml(file).get("models", []):
            names = {column["name"] for column in model["columns"]}
            for column in model["columns"]:
                name = column["name"]
                is_primary = {"type": "primary_key"} in column.get("constraints", [])
                is_key = name.endswith("_key") or (name in ENTITY_IDS and name.replace("_id", "_key") not in names)
                tests = [one for one in column.get("data_tests", []) if "relationships" in one]
                if is_key and not is_primary and not tests:
                    missing.append(f"{model['name']}.{name}")
    assert missing == []
