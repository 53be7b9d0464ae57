"""Names of columns as people write them, made comparable."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from medallion.entities.layout import Layout


def normal(text: object) -> str:
    """A header or a first word as it is compared: case, kinds of blanks and forms of accents do not matter."""
    return _normal(str(text))


@lru_cache(maxsize=256)  # the first word of a row is looked at for several reasons
def _normal(words: str) -> str:
    if words.isascii():  # the same, in a fraction of the time
        return " ".join(words.lower().split()).strip(" :*")
    folded = unicodedata.normalize("NFKC", words).casefold()
    return unicodedata.normalize("NFC", " ".join(folded.split())).strip(" :*")


def words_of(name: str, layout: Layout) -> set[str]:
    """What the header of a column may be, as `normal` gives it."""
    return {normal(word) for word in (name, name.replace("_", " "), *layout.headers.get(name, ()))}


def known_words(names: Iterable[str], layout: Layout) -> Mapping[str, str]:
    """The columns by what their headers may be."""
    return {word: name for name in names for word in words_of(name, layout)}
