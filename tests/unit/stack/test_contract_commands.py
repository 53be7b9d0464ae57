"""`./retail contract`: what it shows, and that a breaking change ends with exit code 1."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import yaml
from typer.testing import CliRunner

from medallion import contracts
from medallion.entities.registry import EVERY
from medallion.settings import PROJECT_ROOT
from stack.cli.app import app

CUSTOMERS = EVERY["customers"]


def retail(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["contract", *words])
    return done.exit_code, done.stdout


def test_the_list_names_each_contract_and_what_was_released() -> None:
    code, text = retail("list", "--json")
    assert code == 0
    found = {one["entity"]: one for one in json.loads(text)}
    assert list(found) == list(EVERY)
    assert all(one["is_released"] and one["version"] in one["released"] for one in found.values())
    assert found["customers"]["personal_fields"] == 4
    assert "customers   1.0.0   12 fields, 4 personal; released; contracts/customers.odcs.yaml" in retail("list")[1]


def test_a_contract_is_shown_as_its_file_has_it_and_as_json() -> None:
    file = (PROJECT_ROOT / "contracts" / "sales.odcs.yaml").read_text(encoding="utf-8")
    assert retail("show", "sales") == (0, file)
    assert json.loads(retail("show", "sales", "--version", "1.0.0", "--json")[1]) == yaml.safe_load(file)


def test_a_breaking_change_ends_with_1_and_others_with_0(monkeypatch: pytest.MonkeyPatch) -> None:
    assert retail("diff") == (0, "".join(f"{name} 1.0.0 → 1.0.0: the same\n" for name in EVERY))
    monkeypatch.setitem(contracts.EVERY, "customers", replace(CUSTOMERS, lasting=()))
    code, text = retail("diff", "customers")
    assert (code, text.splitlines()[0]) == (0, "customers 1.0.0 → 1.0.0: compatible")
    (table,) = CUSTOMERS.tables
    without = replace(CUSTOMERS, tables=(replace(table, columns=table.columns[:-1]),))
    monkeypatch.setitem(contracts.EVERY, "customers", without)
    code, text = retail("diff", "customers", "--from", "1.0.0", "--json")
    (found,) = json.loads(text)
    assert code == 1
    assert (found["is_breaking"], found["needs"]) == (True, "2.0.0")
    assert found["changes"] == [
        {"field": "is_deleted", "change": "removed: readers no longer have it", "is_breaking": True}
    ]


def test_what_is_not_there_is_named() -> None:
    assert retail("show", "suppliers")[0] == 2
    unknown = CliRunner().invoke(app, ["contract", "diff", "--from", "7.0.0"])
    assert "has no released version 7.0.0" in str(unknown.exception)
