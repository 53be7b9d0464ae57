"""Foreign text made safe to show in a log, on a terminal or on a page of Airflow.

Text from a source may hold line breaks that forge a log line, control codes that a terminal obeys, marks that reverse
the order of letters, or 70,000 characters. Letters of any script stay as they are; every character without a visible
shape is written as an escape. This is for display only: stored text stays as it came.
"""

from __future__ import annotations

import re

_MOST = 80
_LINE_BREAKS = re.compile(r"[ \t]*[\r\n]+[ \t]*")


def shown(text: object, most: int = _MOST) -> str:
    """`text` as one line of at most about `most` characters, safe to print.

    Controls, line and paragraph separators, direction marks, halves of surrogate pairs and bytes that are not UTF-8
    become escapes. A text that was cut says so, with its full length.
    """
    words = text.decode("utf-8", errors="backslashreplace") if isinstance(text, bytes) else str(text)
    if len(words) <= most:
        return escaped(words)
    return f"{escaped(words[:most])}… ({len(words):,} characters)"


def one_line(text: str, most: int) -> str:
    """As `shown`, for a sentence of the platform that may quote foreign text: a line break becomes a space."""
    return shown(_LINE_BREAKS.sub(" ", text.strip()), most)


def escaped(text: str, keep: str = "") -> str:
    """`text` with an escape for each character without a visible shape, except those in `keep`."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in keep else _escape(one) for one in text)


def _escape(one: str) -> str:
    point = ord(one)
    return f"\\u{point:04x}" if point <= 0xFFFF else f"\\U{point:08x}"  # noqa: PLR2004 - as Python writes them
