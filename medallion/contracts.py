"""The contracts of inputs as they were released, and how the declarations of today differ from them.

A contract is generated from the declaration of its entity (`medallion/entities/contracts.py`). Each version that is
released is a file that stays. A change is breaking if a record that met the contract before may not meet it now, or if
a field that readers have is no longer there. A breaking change takes a new major version, any other a minor one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from medallion.entities.contracts import FOLDER, contract_of, released_file
from medallion.entities.registry import EVERY
from medallion.errors import ConfigurationError
from medallion.settings import PROJECT_ROOT
from medallion.yaml_files import read_yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    Attributes = dict[str, Any]

_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_ENDING = ".odcs.yaml"
_NUMBERS = re.compile(r"\d[\d^]*(?: - \d+)?")  # as rules write them: 2^31 - 1
# They explain, and decide about no record. The bounds of a number say what its format says.
_EXPLAIN = {"description", "classification", "format", "tags", "status", "apiVersion"}


@dataclass(frozen=True)
class Change:
    """A change of a contract. `field` is a path such as `lines[].quantity`, or empty for the contract as a whole."""

    field: str
    change: str
    is_breaking: bool

    def words(self) -> str:
        """One line for a person."""
        kind = "BREAKING" if self.is_breaking else "compatible"
        return f"{kind:<11}{self.field or 'the contract'}: {self.change}"


@dataclass(frozen=True)
class ContractDiff:
    """How the contract of an entity differs from a released version. `needs` is the least version it may have."""

    entity: str
    from_version: str
    to_version: str
    needs: str
    is_breaking: bool
    changes: tuple[Change, ...]

    @property
    def is_raised(self) -> bool:
        """Whether the declared version is high enough for these changes."""
        return _parts(self.to_version) >= _parts(self.needs)

    def summary(self) -> str:
        """What changed, a line per change, and the version to declare."""
        versions = f"{self.entity} {self.from_version} → {self.to_version}"
        if not self.changes:
            return f"{versions}: the same"
        lines = [f"{versions}: {'BREAKING' if self.is_breaking else 'compatible'}"]
        lines += [f"  {one.words()}" for one in self.changes]
        if not self.is_raised:
            lines.append(
                f'  set contract="{self.needs}" in medallion/entities/{self.entity}.py, '
                "then run python -m medallion.entities"
            )
        return "\n".join(lines)


def released_versions(entity: str, root: Path = PROJECT_ROOT) -> tuple[str, ...]:
    """The released versions of the contract of an entity, oldest first."""
    files = (root / FOLDER / "released" / entity).glob(f"*{_ENDING}")
    names = (file.name.removesuffix(_ENDING) for file in files)
    return tuple(sorted((name for name in names if _VERSION.fullmatch(name)), key=_parts))


def read_release(entity: str, version: str, root: Path = PROJECT_ROOT) -> Attributes:
    """A released version. Raises ConfigurationError for one that does not exist."""
    known = released_versions(entity, root)
    if version not in known:
        raise ConfigurationError(
            f"the contract of {entity} has no released version {version}",
            why=f"released are {', '.join(known) or 'none'}",
            remedy="./retail contract list shows the versions; python -m medallion.entities releases a declared one",
        )
    return read_yaml(root / released_file(entity, version))


def diff_contract(entity: str, version: str | None = None, root: Path = PROJECT_ROOT) -> ContractDiff:
    """How the declaration differs from a released version, by default the newest. Raises ConfigurationError."""
    known = released_versions(entity, root)
    return _difference(
        entity,
        read_release(entity, version or (known[-1] if known else EVERY[entity].contract), root),
        contract_of(EVERY[entity]),
    )


def diff_releases(entity: str, root: Path = PROJECT_ROOT) -> list[ContractDiff]:
    """How each released version differs from the one before it."""
    found = [read_release(entity, one, root) for one in released_versions(entity, root)]
    return [_difference(entity, before, after) for before, after in pairwise(found)]


def compare_contracts(before: Attributes, after: Attributes) -> tuple[Change, ...]:
    """The changes from one contract to another, apart from the version."""
    old, new = dict(_parts_of(before)), dict(_parts_of(after))
    changes = [_removed(field) for field in old if field not in new]
    changes += [_added(field, new[field]) for field in new if field not in old]
    for field, attributes in old.items():
        if field in new:
            changes += _changed(field, attributes, new[field])
    return tuple(sorted(changes, key=lambda one: not one.is_breaking))


def count_fields(contract: Attributes) -> int:
    """The fields of a contract, those of lines included."""
    return sum(1 for field, _ in _parts_of(contract) if field)


def _difference(entity: str, before: Attributes, after: Attributes) -> ContractDiff:
    changes = compare_contracts(before, after)
    is_breaking = any(one.is_breaking for one in changes)
    major, minor, _ = _parts(before["version"])
    needs = f"{major + 1}.0.0" if is_breaking else f"{major}.{minor + 1}.0" if changes else str(before["version"])
    return ContractDiff(entity, str(before["version"]), str(after["version"]), needs, is_breaking, changes)


def _parts(version: str) -> tuple[int, int, int]:
    match = _VERSION.fullmatch(version)
    if match is None:
        raise ConfigurationError(f"{version!r} is not a version such as 1.2.0", remedy="write three numbers")
    return int(match[1]), int(match[2]), int(match[3])


def _parts_of(contract: Attributes) -> Iterator[tuple[str, Attributes]]:
    """The contract as a whole, under an empty name, and each field with what the contract says of it."""
    (record,) = contract["schema"]
    yield "", _whole(contract, record)
    yield from _fields(record["properties"], "")


def _whole(contract: Attributes, record: Attributes) -> Attributes:
    named = {key: value for key, value in contract.items() if isinstance(value, str) and key != "version"}
    named |= {f"description of {key}": value for key, value in contract["description"].items()}
    named |= {f"{one['property']} ({one['unit']})": one["value"] for one in contract["slaProperties"]}
    for one in contract["customProperties"]:
        name = one["property"]
        named[f"{name} {one['value']}" if name == "neverChanges" else name] = one["value"]
    return named | {"description": record["description"]}


def _fields(properties: list[Attributes], prefix: str) -> Iterator[tuple[str, Attributes]]:
    for one in properties:
        path = f"{prefix}{one['name']}"
        yield path, _attributes(one)
        if "items" in one:
            yield from _fields(one["items"]["properties"], f"{path}[].")


def _attributes(field: Attributes) -> Attributes:
    """What a contract says of one field, with its limits and its rule in words next to the rest."""
    rule = " ".join(one["description"] for one in field.get("quality", ()))
    rest = {key: value for key, value in field.items() if key not in {"name", "items", "quality", "logicalTypeOptions"}}
    return {**rest, **field.get("logicalTypeOptions", {}), "rule": rule}


def _removed(field: str) -> Change:
    return Change(field, "removed: readers no longer have it", is_breaking=True)


def _added(field: str, attributes: Attributes) -> Change:
    if attributes.get("required"):
        return Change(field, "added, and required: a record without it is refused", is_breaking=True)
    return Change(field, "added", is_breaking=False)


def _changed(field: str, before: Attributes, after: Attributes) -> list[Change]:
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    limits = {"minimum", "maximum", "pattern"} & {*names}
    return [
        Change(
            field,
            f"{name} {_shown(name, before)} → {_shown(name, after)}",
            is_breaking=not (name == "rule" and limits and _says_the_same(before[name], after[name]))
            and _breaks(name, before, after),
        )
        for name in names
    ]


def _says_the_same(before: str, after: str) -> bool:
    """Whether two rules differ in their numbers alone, which are the limits that have changed."""
    return _NUMBERS.sub("#", before) == _NUMBERS.sub("#", after)


def _shown(name: str, attributes: Mapping[str, Any]) -> str:
    return str(attributes.get(name, "none"))


def _breaks(name: str, before: Attributes, after: Attributes) -> bool:
    """Whether a value that met the contract may not meet it now. What cannot be decided is breaking."""
    subject = name.partition(" ")[0]
    if subject in _EXPLAIN:
        return False
    judge = _JUDGES.get(subject)
    return judge is None or judge(before.get(name), after.get(name))


def _is_added(_: Any, new: Any) -> bool:
    return bool(new)


def _is_raised(old: Any, new: Any) -> bool:
    return new is not None and (old is None or new > old)


def _is_lowered(old: Any, new: Any) -> bool:
    return new is not None and (old is None or new < old)


# When another value of it is breaking.
_JUDGES: dict[str, Callable[[Any, Any], bool]] = {
    "required": _is_added,
    "unique": _is_added,
    "pattern": _is_added,
    "neverChanges": _is_added,
    "minimum": _is_raised,
    "maximum": _is_lowered,
    "freshness": _is_lowered,
    "frequency": _is_lowered,
    "isOptional": lambda _, new: not new,
}
