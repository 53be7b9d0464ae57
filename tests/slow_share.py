"""The share of the slow tests that a run has: all of them take longer than CI may.

`RETAIL_SLOW_SHARE=2/10` chooses the second tenth. `./retail test --all` sets it by the commit, so that each commit runs
another twentieth; `./retail test --deep slow` runs all of them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from stack.commands.checks import SLOW_SHARE
from tests.workers import unit_of_work

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SHARE = re.compile(r"([1-9]\d*)/([1-9]\d*)")


def chosen_share(environment: Mapping[str, str]) -> tuple[int, int] | None:
    """Which share of how many the environment chooses; None: all. Raises ValueError for one that there is not."""
    text = environment.get(SLOW_SHARE, "")
    if not text:
        return None
    found = _SHARE.fullmatch(text)
    number, count = (int(found[1]), int(found[2])) if found else (1, 0)
    if number > count:
        raise ValueError(f"{SLOW_SHARE}={text} is not a share such as 2/10")
    return number, count


def left_out(items: Sequence[Any], share: tuple[int, int] | None) -> list[Any]:
    """The slow tests of other shares. Tests of a file that shares what is expensive to make stay together.

    A test marked `slow(in_every_share=True)` is in each of them.
    """
    if share is None:
        return []
    number, count = share
    marks = ((item, item.get_closest_marker("slow")) for item in items)
    slow = [item for item, mark in marks if mark and not mark.kwargs.get("in_every_share")]
    units = sorted({unit_of_work(item.nodeid) for item in slow})
    chosen = {*units[number - 1 :: count]}
    return [item for item in slow if unit_of_work(item.nodeid) not in chosen]
