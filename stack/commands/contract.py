"""`./retail contract …`: the contracts of inputs, their released versions, and their check by datacontract-cli."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medallion.contracts import count_fields, diff_contract, released_versions
from medallion.entities.contracts import FOLDER, contract_file, contract_of, released_file
from medallion.entities.registry import EVERY
from medallion.errors import DataQualityError
from medallion.settings import PROJECT_ROOT
from stack.host.environments import open_environment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from stack.host.console import Talk
    from stack.host.home import Home

_TOOL = "datacontract"
_LAST_LINES = 8


@dataclass(frozen=True)
class Contract:
    """The contract of an entity. `is_released`: the declaration is what was released under `version`."""

    entity: str
    version: str
    is_released: bool
    released: tuple[str, ...]
    fields: int
    personal_fields: int
    file: str

    def words(self) -> str:
        """One line for a person."""
        state = "released" if self.is_released else "CHANGED since, see ./retail contract diff"
        personal = f", {self.personal_fields} personal" if self.personal_fields else ""
        return f"{self.entity:<12}{self.version:<8}{self.fields} fields{personal}; {state}; {self.file}"


@dataclass(frozen=True)
class Linted:
    """The files that datacontract-cli has found to be contracts of that standard."""

    files: tuple[str, ...]

    def summary(self) -> str:
        """One line for a person."""
        return f"{len(self.files)} contracts are valid: {', '.join(self.files)}"


def list_contracts() -> list[Contract]:
    """The contracts of all entities."""
    return [_contract(name) for name in EVERY]


def lint_contracts(home: Home, talk: Talk, root: Path = PROJECT_ROOT) -> Linted:
    """Check every contract by datacontract-cli, in an environment of its own.

    Raises ToolUnavailable if that cannot be installed, and DataQualityError for a file that is not a valid contract.
    """
    program = open_environment(home, _TOOL, talk) / _TOOL
    files = _files(root)
    for file in files:
        _lint(str(program), root / file)
    return Linted(tuple(files))


def _contract(entity: str) -> Contract:
    declared, versions = EVERY[entity], released_versions(entity)
    return Contract(
        entity=entity,
        version=declared.contract,
        is_released=declared.contract in versions and not diff_contract(entity, declared.contract).changes,
        released=versions,
        fields=count_fields(contract_of(declared)),
        personal_fields=sum(len(one.personal_columns) for one in declared.tables),
        file=contract_file(declared),
    )


def _files(root: Path) -> Sequence[str]:
    """The contracts, and the released versions that differ from them."""
    current = [contract_file(one) for one in EVERY.values()]
    known = {(root / file).read_bytes() for file in current}
    released = [released_file(name, version) for name in EVERY for version in released_versions(name, root)]
    return [*current, *(file for file in released if (root / file).read_bytes() not in known)]


def _lint(program: str, file: Path) -> None:
    """Check one file. The tool gets the file and a bare environment, without settings or secrets."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    done = subprocess.run(
        [program, "lint", "--all-errors", str(file)],
        env=environment | {"NO_COLOR": "1", "COLUMNS": "200"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-_LAST_LINES:])
        raise DataQualityError(
            f"{file.name} is not a valid contract:\n{said}",
            remedy=f"fix medallion/entities/contracts.py, then run python -m medallion.entities: it writes {FOLDER}/",
        )
