"""The slow, tolerant way to cut a page: records are found by their brackets, and none of them is decoded.

It is for a page with a record that is not strict JSON but that the standard library's tolerant parser would read (a
lone surrogate, a NaN, a tab within a text), with a record that is nested deeper than a parser goes, or with very many
records. Memory stays within a few times the body, and time within a few passes over each byte, whatever the body holds.

A copy of the same length makes the body strict: what only the tolerant rules allow is replaced by something that strict
JSON allows in the same place and nowhere else. Each record is checked in the copy and cut from the body.
"""

from __future__ import annotations

import json
import re
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Over = Callable[[int, int], int]

_JSON = msgspec.json.Decoder(msgspec.Raw)
_TOLERANT = json.JSONDecoder(strict=False)
_MOST_MEMBERS = 1_000  # of the envelope
_MOST_AROUND = 1_000_000  # bytes of a page outside its records
_SPACES = b" \t\n\r"

# In a text a space stands for a tab or a break as well; no token but a text may hold an x.
_CONTROLS = bytes.maketrans(bytes(range(32)), b"x" * 9 + b"  " + b"xx" + b" " + b"x" * 18)
_WORDS = tuple((word, b"[" + b" " * (len(word) - 2) + b"]") for word in (b"-Infinity", b"Infinity", b"NaN"))
_HALVES = tuple(f"\\u{first}{second}".encode() for first in "dD" for second in "89abcdefABCDEF")  # of surrogate pairs
_ANY_POINT = b"\\u00"

# Everything up to the next bracket that matters: texts, and lists and objects with neither of them inside.
_FILLER = re.compile(rb"""(?:[^"\[\]{}]+|"[^"]*"|\[[^"\[\]{}]*\]|\{[^"\[\]{}]*\}){1,1000}""")
_FLAT = re.compile(rb"""(?:[^"\[\]{},]+|"[^"]*"){1,1000}""")
_OPENING = re.compile(rb"[\[{]+")
_CLOSING = re.compile(rb"[\]}]+")
_NAME = re.compile(rb'[ \t\n\r]*("[^"]*")[ \t\n\r]*:[ \t\n\r]*')


def cut_page(body: bytes, *, most: int) -> tuple[list[bytes], dict[str, Any]]:
    """The records of a page, at most `most`, and its other members, with an empty list for the records.

    Raises ValueError for a body that is not JSON, or not a page that can be cut.
    """
    strict = _strict(body)
    flat = strict.replace(b"\\\\", b"__").replace(b'\\"', b"__")  # now a quote is the end of a text
    first, spans = _items(body, flat, most)
    records = list[bytes]()
    rest = _around(body[:first] + b"[]" + body[spans[-1][1] + 1 :])
    for start, end in spans if len(spans) > 1 or body[slice(*spans[0])].strip(_SPACES) else ():
        _check(strict[start:end], start)
        records.append(body[start:end].strip(_SPACES))
    return records, rest


def _strict(body: bytes) -> bytes:
    """The body, of the same length, with everything replaced that only the tolerant rules allow."""
    text = body.translate(_CONTROLS)
    for word, stand_in in _WORDS:
        text = text.replace(word, stand_in)
    for half in _HALVES:
        text = text.replace(half, _ANY_POINT)
    return text


def _items(body: bytes, flat: bytes, most: int) -> tuple[int, list[tuple[int, int]]]:
    """Where the list of records opens, and start and end of each record; of two lists the last counts, as in JSON."""
    found = list[tuple[int, list[tuple[int, int]]]]()

    def over(start: int, at: int) -> int:
        name = _NAME.fullmatch(flat, start, at)
        if name is None or not _is_items(body[slice(*name.span(1))]):
            return _behind(flat, at)
        spans = list(islice(_elements(flat, at), most + 1))
        if len(spans) > most:
            raise ValueError(f"more than the {most:,} records that a page may hold")
        found[:] = [(at, spans)]
        return spans[-1][1] + 1

    opening = len(flat) - len(flat.lstrip(_SPACES))
    members = _elements(flat, opening, over) if flat[opening : opening + 1] == b"{" else iter(())
    if len(list(islice(members, _MOST_MEMBERS))) in (0, _MOST_MEMBERS) or not found:
        raise ValueError("not JSON: no object with a list of items")
    return found[0]


def _is_items(name: bytes) -> bool:
    return name == b'"items"' or (b"\\u" in name and len(name) <= len(b'"\\u0000"') * 5 and _read(name) == "items")


def _around(text: bytes) -> dict[str, Any]:
    """The page without its records, read by the tolerant rules."""
    if len(text) > _MOST_AROUND:
        raise ValueError("not a page: what stands around its records is too large")
    found = _read(text)
    return found if isinstance(found, dict) else {}


def _read(text: bytes) -> Any:
    try:
        return _TOLERANT.decode(text.decode("utf-8", errors="surrogateescape"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from error


def _check(record: bytes, at: int) -> None:
    """Raise ValueError unless it is JSON, or nested too deeply to check more than brackets: Silver refuses that."""
    try:
        _JSON.decode(record)
    except RecursionError:
        return
    except msgspec.DecodeError as error:
        raise ValueError(f"not JSON: {error}, in the record at {at}") from error


def _elements(flat: bytes, opening: int, over: Over | None = None) -> Iterator[tuple[int, int]]:
    """Start and end of each element between the commas of the list or object that opens at `opening`.

    `over` leads from the start of an element, past the list or object that opens within it, to what follows.
    """
    start = at = opening + 1
    while at < len(flat):
        text = _FLAT.match(flat, at)
        if text:
            at = text.end()
        elif flat[at] in b"[{":
            at = over(start, at) if over else _behind(flat, at)
        elif flat[at] in b",]}":
            yield start, at
            if flat[at] != ord(","):
                return
            start = at = at + 1
        else:
            break
    raise ValueError("not JSON: the page has no end")


def _behind(flat: bytes, at: int) -> int:
    """The position after the list or object that opens at `at`."""
    depth = 0
    while at < len(flat):
        if brackets := _OPENING.match(flat, at):
            depth += brackets.end() - at
        elif brackets := _CLOSING.match(flat, at):
            depth -= brackets.end() - at
            if depth <= 0:
                return brackets.end() + depth
        elif not (brackets := _FILLER.match(flat, at)):
            break
        at = brackets.end()
    raise ValueError("not JSON: a list or object has no end")
