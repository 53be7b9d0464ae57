"""Finding the header of a table: the first row that names every column of the entity, in any order and language.

People put titles above a table, move its columns and rename them. So the header is searched in the first rows, by the
names that the layout allows. A sheet that has most of the names, and not all, is refused: it is the table, with a
column that has gone. A sheet that has few of them is something else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingestion.files.names import known_words, normal
from medallion.foreign_text import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ingestion.spreadsheets.cells import Row
    from medallion.entities.layout import Layout

SEARCHED = 20  # rows
_SHOWN = 60  # characters of a header
_NEARLY = 0.5  # share of the columns that make a sheet the table


@dataclass(frozen=True)
class Header:
    """The row `row` names the columns: `columns` by letter, and `others` those that the layout does not know."""

    row: int
    columns: Mapping[str, str]
    others: Mapping[str, str]
    missing: tuple[str, ...] = ()
    twice: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether every column is named once."""
        return not self.missing and not self.twice

    @property
    def is_near(self) -> bool:
        """Whether so many columns are named that the sheet must be the table."""
        return len({*self.columns.values()}) >= _NEARLY * (len({*self.columns.values()}) + len(self.missing))


def find_header(rows: Iterable[Row], layout: Layout, names: Sequence[str]) -> Header | None:
    """The header in the first rows of a sheet, or the row that comes nearest to one; None for rows that name nothing.

    `names` are the columns that have to be there.
    """
    known = known_words(names, layout)
    best: Header | None = None
    for row in rows:
        if row.number > SEARCHED:
            break
        found = _header_of(row, known, names)
        if found.is_whole:
            return found
        if found.columns and (best is None or len(found.columns) > len(best.columns)):
            best = found
    return best


def _header_of(row: Row, known: Mapping[str, str], names: Sequence[str]) -> Header:
    words = {cell.column: str(cell.value) for cell in row.cells if cell.kind == "s"}
    columns = {letter: known[normal(word)] for letter, word in words.items() if normal(word) in known}
    found = list(columns.values())
    return Header(
        row.number,
        columns,
        _named_once({letter: shown(word, _SHOWN) for letter, word in words.items() if letter not in columns}),
        tuple(name for name in names if name not in found),
        tuple(
            f"{letter}{row.number}" if row.number else letter[1:]
            for letter, name in columns.items()
            if found.count(name) > 1
        ),
    )


def _named_once(others: Mapping[str, str]) -> dict[str, str]:
    words = list(others.values())
    return {letter: f"{word} ({letter})" if words.count(word) > 1 else word for letter, word in others.items()}
