"""Texts of a workbook's XML, found in bytes: enough to see whether a text is empty.

White space around a text counts only if the file says `xml:space="preserve"`. Phonetic hints (`rPh`) are not text.
"""

from __future__ import annotations

import html
import re
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK = 1 << 17  # bytes
_PREFIX = rb"(?:[\w.-]+:)?"
_PHONETIC = re.compile(rb"<%brPh\b.*?</%brPh\s*>" % (_PREFIX, _PREFIX), re.DOTALL)
_TEXT = re.compile(rb"<%bt(\s[^>]*)?(?<!/)>(.*?)</%bt\s*>" % (_PREFIX, _PREFIX), re.DOTALL)
_ITEM = re.compile(rb"<%bsi(?:\s[^>]*)?(?:/>|(?<!/)>(.*?)</%bsi\s*>)" % (_PREFIX, _PREFIX), re.DOTALL)
_FILLED_ITEM = re.compile(rb'<si><t(?: xml:space="preserve")?>\s*[^<\s&][^<]*</t></si>')
_ITEM_START = re.compile(rb"<%bsi(?=[\s/>])" % _PREFIX)
_SPACE = " \t\r\n"


def plain_text(xml: bytes) -> str:
    """The text that these bytes write, its entities resolved."""
    return html.unescape(xml.decode("utf-8", errors="replace"))


def has_text(xml: bytes) -> bool:
    """Whether an element with texts, or with runs of them, holds more than nothing."""
    texts = _TEXT.findall(_PHONETIC.sub(b"", xml))
    return any(_is_filled(attributes, text) for attributes, text in texts)


def empty_strings(stream: IO[bytes]) -> frozenset[bytes]:
    """Numbers of the shared strings that are empty, as a cell writes them."""
    number, empty = 0, set[bytes]()
    for part in _items(stream):
        others, filled = _FILLED_ITEM.subn(b"", part)
        if not _ITEM_START.search(others):  # as nearly always: ten times faster
            number += filled
            continue
        for item in _ITEM.findall(part):
            if not has_text(item):
                empty.add(b"%d" % number)
            number += 1
    return frozenset(empty)


def _is_filled(attributes: bytes, text: bytes) -> bool:
    if b"preserve" in attributes:
        return bool(text)
    return bool(plain_text(text).strip(_SPACE))


def _items(stream: IO[bytes]) -> Iterator[bytes]:
    """Pieces of the table of strings, each with whole items."""
    rest = b""
    while chunk := stream.read(_CHUNK):
        rest += chunk
        starts = [found.start() for found in _ITEM_START.finditer(rest, max(0, len(rest) - 2 * _CHUNK))]
        if starts and starts[-1]:
            yield rest[: starts[-1]]
            rest = rest[starts[-1] :]
    yield rest
