"""The sign between the fields of a text file: the one by which a row becomes the header of the entity."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from ingestion.files.names import normal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CANDIDATES = (",", ";", "\t", "|")
_SEARCHED = 20  # rows


def delimiter_of(lines: Sequence[str], known: Mapping[str, str]) -> str:
    """The delimiter by which one of the first rows has most of the `known` headers; a comma where none has any.

    The data decides nothing: `1,5;2,5` has both signs, and a header has one.
    """
    return max(CANDIDATES, key=lambda sign: _most_names(lines, sign, known))


def _most_names(lines: Sequence[str], delimiter: str, known: Mapping[str, str]) -> int:
    most = 0
    try:
        for number, record in enumerate(csv.reader(lines, delimiter=delimiter, strict=True)):
            if number >= _SEARCHED:
                break
            most = max(most, len({known[word] for field in record if (word := normal(field)) in known}))
    except csv.Error:  # by this sign it is no table from here on
        pass
    return most
