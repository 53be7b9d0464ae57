"""Fields of a source's records that no declaration names, noticed while the records are parsed, at no cost.

Records are decoded by a type that allows the declared members and those that were noticed before, and nothing else. As
long as nothing is new, this is the one parse that a load needs anyway. A piece that does not decode is decoded line by
line, as it is for a bad record; a line that only the open type decodes has a new member. Its name is noted, and the
type allows it from there on. So a new field costs one look at one line, not at every record that has it.

A name that no type can allow, as one with a quote in it, is noted once, too. Lines with it are looked at again, as bad
records are: after `MOST_LOOKS` of them a load stops looking, and the next load looks again. After `MOST_FIELDS` names
of one dataset, which is not a source that has grown but one that invents names, nothing more is noted.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import msgspec

from medallion.foreign_text import shown
from medallion.state.new_fields import SeenField, field_path
from medallion.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from loaders.dataset import Dataset
    from medallion.state.receipts import Receipt

log = logging.getLogger(__name__)
MOST_FIELDS = 100
MOST_LOOKS = 1_000
_NAMED = 5  # fields that a warning names
_LONGEST_NAME = 120  # characters
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_NO_NAME = "(a name that is not text)"
_TYPES = {b'"': "string", b"{": "object", b"[": "array", b"t": "boolean", b"f": "boolean", b"n": "null"}
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_WRAPPED = "line"  # what the split of a sale makes of a line that is not an object (`ingestion.split`)


class FieldWatch:
    """Notices the new fields of a dataset. `known` are those that were recorded before, by their paths."""

    def __init__(self, dataset: Dataset, known: Iterable[str] = ()) -> None:
        self._dataset = dataset
        self._declared = {*dataset.columns, *dataset.forbidden}
        self._known = {*known}
        self._seen: list[SeenField] = []
        self._looks_left = MOST_LOOKS
        self._open = msgspec.json.Decoder(dataset.record)
        self._allowed: list[str] = []
        self._closed = self._allow(self._names_of(self._known))

    @property
    def is_full(self) -> bool:
        """Whether so many names are known that nothing more is noted."""
        return len(self._known) >= MOST_FIELDS

    @property
    def decoder(self) -> msgspec.json.Decoder[Any]:
        """Decodes records with no other members than those declared and known; with any, once nothing is noted."""
        return self._open if self.is_full or not self._looks_left else self._closed

    def look(self, line_no: int, line: bytes) -> None:
        """Note the new members of a line that `decoder` has refused. It may have been refused for another reason."""
        if not self._looks_left:
            return
        new = []
        for name, value in self._members(line).items():
            path = field_path(self._dataset.name, shown(name, _LONGEST_NAME))
            if name not in self._declared and path not in self._known and not self.is_full:
                self._known.add(path)
                self._seen.append(SeenField(path, _type_of(value), line_no))
                new.append(name)
        if new:
            self._closed = self._allow(new)
        else:
            self._looks_left -= 1

    def take(self) -> list[SeenField]:
        """The fields that were noted since the last call."""
        seen, self._seen = self._seen, []
        return seen

    def _members(self, line: bytes) -> dict[str, msgspec.Raw]:
        """The members of a line; those of a line without names that can be read are one, if it is a record at all."""
        try:
            members = _MEMBERS.decode(line)
        except _UNREADABLE:
            return {_NO_NAME: msgspec.Raw()} if self._is_record(line) else {}
        return {} if members.keys() == {self._dataset.key[0], _WRAPPED} else members

    def _is_record(self, line: bytes) -> bool:
        try:
            self._open.decode(line)
        except _UNREADABLE:
            return False
        return True

    def _names_of(self, paths: Iterable[str]) -> list[str]:
        prefix = field_path(self._dataset.name, "")
        return sorted({path.removeprefix(prefix) for path in paths} - self._declared)

    def _allow(self, names: Iterable[str]) -> msgspec.json.Decoder[Any]:
        """A decoder that allows these members, too, as far as a type can have them: whatever is in them."""
        self._allowed += filter(_can_be_allowed, names)
        renamed = {f"new_{number}": name for number, name in enumerate(self._allowed)}
        members = [(member, msgspec.Raw | msgspec.UnsetType, msgspec.UNSET) for member in renamed]
        closed = msgspec.defstruct(
            self._dataset.name,
            members,
            bases=(self._dataset.record,),
            rename=renamed,
            forbid_unknown_fields=True,
            gc=False,
        )
        return msgspec.json.Decoder(closed)


def warn_of_fields(receipt: Receipt, fields: Sequence[SeenField], *, is_full: bool) -> None:
    """Log a warning for the fields that a load has just recorded; none if there are none."""
    if not fields:
        return
    names = ", ".join(one.words() for one in fields[:_NAMED])
    more = f" and {len(fields) - _NAMED:,} more" if len(fields) > _NAMED else ""
    log.warning(
        "%s: %s at the source: %s%s, first in %s, line %d; kept in Bronze, in no table (./retail status)",
        receipt.dataset,
        counted(len(fields), "new field"),
        names,
        more,
        receipt.path,
        fields[0].line_no,
    )
    if is_full:
        log.warning("%s: %d new fields are recorded, and no further ones will be", receipt.dataset, MOST_FIELDS)


def _can_be_allowed(name: str) -> bool:
    """Whether a type can have a member of that name, and the name is whole, as it was recorded."""
    return name.isprintable() and not {'"', "\\"} & {*name} and len(name) <= _LONGEST_NAME


def _type_of(value: msgspec.Raw) -> str:
    """The JSON type of a value, by its first character."""
    begin = bytes(value).lstrip()[:1]
    return _TYPES.get(begin, "number" if begin else "unknown")
