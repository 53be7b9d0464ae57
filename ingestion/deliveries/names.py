"""What the name of a file says: the day that its rows are of, and which of two copies is the later one."""

from __future__ import annotations

import re
from datetime import date
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from medallion.errors import DeliveryRefused

if TYPE_CHECKING:
    from medallion.entities.entity import Entity
    from medallion.entities.layout import Layout


def layout_of(declared: Entity) -> Layout:
    """How the files of an entity are written. Raises ValueError for an entity that is listed."""
    if declared.layout is None:
        raise ValueError(f"{declared.name} does not come as files")
    return declared.layout


def required_period(declared: Entity, name: str) -> str:
    """The day in the name of a file. Raises DeliveryRefused for a name without one, or with two."""
    if (period := period_of(declared, name)) and _is_day(period):
        return period
    raise DeliveryRefused(
        f"{name}: its name has no day of the calendar, or two, and not one as {declared.name}_2026-11-01.xlsx",
        remedy="put the day into the name of the file, and deliver it again",
    )


def period_of(declared: Entity, name: str) -> str:
    """The period in the name of a file; empty if it has none, or more than one."""
    found = {one[1] for one in re.finditer(layout_of(declared).period, name)}
    return found.pop() if len(found) == 1 else ""


def natural(name: str) -> list[tuple[int, str]]:
    """A name as people order it: `a.xlsx`, `a (2).xlsx`, `a (10).xlsx`. The last of those that come together counts."""
    parts = re.split(r"([0-9]{1,18})", PurePosixPath(name).stem.casefold())
    return [(int(part), "") if number % 2 else (-1, part) for number, part in enumerate(parts)]


def _is_day(period: str) -> bool:
    try:
        date.fromisoformat(period)
    except ValueError:
        return False
    return True
