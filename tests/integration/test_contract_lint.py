"""Each contract is one that datacontract-cli reads: it checks them against the published schema of ODCS."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from rich.console import Console

from medallion.errors import DataQualityError, ToolUnavailable
from medallion.settings import PROJECT_ROOT
from stack.commands.contract import lint_contracts
from stack.host.console import Talk
from stack.host.home import Home

TALK = Talk(Console(quiet=True))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_datacontract_cli_reads_every_contract_and_refuses_one_that_is_none(tmp_path: Path) -> None:
    home = Home(tmp_path / "home").prepare()
    try:
        done = lint_contracts(home, TALK)
    except ToolUnavailable as error:
        pytest.skip(f"NOT PROVED: that datacontract-cli reads the contracts. {error}")
    assert done.files
    assert {*done.files} >= {f"contracts/{file.name}" for file in (PROJECT_ROOT / "contracts").glob("*.yaml")}
    shutil.copytree(PROJECT_ROOT / "contracts", tmp_path / "contracts")
    file = tmp_path / "contracts" / "customers.odcs.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace('logicalType: "integer"', 'logicalType: "long"', 1))
    with pytest.raises(DataQualityError, match=r"(?s)customers\.odcs\.yaml is not a valid contract:.*logicalType"):
        lint_contracts(home, TALK, tmp_path)
