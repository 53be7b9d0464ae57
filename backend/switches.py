"""Settings that switch something on by name, such as `drop:3,spike`: names with commas between, each `name:value`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

V = TypeVar("V")


def parse_switches(
    text: str, known: Iterable[str], what: str, value_of: Callable[[str, str], V], usual: Callable[[str], V]
) -> dict[str, V]:
    """The value of each name in `text`: `value_of(name, text)`, or `usual(name)` for one without a value.

    `what` is what a name is, as `a fault`. Raises ValueError, naming the word that is wrong and what would be right;
    `value_of` raises it for a value.
    """
    names, found = tuple(known), dict[str, V]()
    for word in filter(None, (part.strip() for part in text.split(","))):
        name, colon, value = word.partition(":")
        if name not in names:
            raise ValueError(f"{name!r} is not {what}; there are {', '.join(names)}")
        if name in found:
            raise ValueError(f"{name} is named twice")
        found[name] = value_of(name, value) if colon else usual(name)
    return found


def parse_counts(text: str, known: Iterable[str], what: str, most: int) -> dict[str, int]:
    """As `parse_switches`, where a value is a count from 1 to `most`, and usually 1."""

    def count(name: str, value: str) -> int:
        if not (value.isascii() and value.isdigit() and 1 <= int(value) <= most):
            raise ValueError(f"{name}: the count {value!r} is no whole number from 1 to {most}")
        return int(value)

    return parse_switches(text, known, what, count, lambda _: 1)
