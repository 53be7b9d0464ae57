"""Text that is not ours, made fit for a person's eyes: a log, a terminal, a page of Airflow.

Whatever a source sends may hold line breaks that forge a line of a log, codes that a terminal obeys, marks that turn
the order of letters round, or 70,000 characters. Letters of any script stay as they are; everything else that has no
shape of its own is written as an escape. This is for people only: what is stored stays as it came.
"""

from __future__ import annotations

import re

_MOST = 80
_LINE_BREAKS = re.compile(r"[ \t]*[\r\n]+[ \t]*")


def shown(text: object, most: int = _MOST) -> str:
    """`text` as one line of at most about `most` characters, safe to print.

    Controls, line and paragraph separators, marks of direction, halves of surrogate pairs and bytes that are no UTF-8
    become escapes. What is cut off is said, with the length of the whole.
    """
    words = text.decode("utf-8", errors="backslashreplace") if isinstance(text, bytes) else str(text)
    if len(words) <= most:
        return escaped(words)
    return f"{escaped(words[:most])}… ({len(words):,} characters)"


def one_line(text: str, most: int) -> str:
    """As `shown`, for a sentence of ours that may quote others: a line break becomes a space."""
    return shown(_LINE_BREAKS.sub(" ", text.strip()), most)


def escaped(text: str, keep: str = "") -> str:
    """All of `text`, with an escape for each character that has no shape of its own, but for those in `keep`."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in keep else _escape(one) for one in text)


def _escape(one: str) -> str:
    point = ord(one)
    return f"\\u{point:04x}" if point <= 0xFFFF else f"\\U{point:08x}"  # noqa: PLR2004 - as Python writes them
