"""Which file has which fault: drawn for four weeks at a time, so that a file needs no other to know."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from backend.workbooks.fault_kinds import FAULTS, parse_faults

if TYPE_CHECKING:
    from backend.workbooks.settings import WorkbookSettings

_BLOCK = 28  # days


def fault_of(settings: WorkbookSettings, domain: str, day: date) -> str | None:
    """The fault that the file of a domain and day has, if any: never more than one."""
    return _planned(settings, settings.day_number(day) // _BLOCK).get((domain, day))


def fault_bits(settings: WorkbookSettings, fault: str, domain: str, day: date) -> int:
    """64 bits that decide how a fault strikes a file, and whether it is chosen."""
    drawn = hashlib.blake2b(f"{settings.seed} {fault} {domain} {day}".encode(), digest_size=8).digest()
    return int.from_bytes(drawn, "big")


@lru_cache(maxsize=64)
def _planned(settings: WorkbookSettings, block: int) -> dict[tuple[str, date], str]:
    """The faults of four weeks by domain and day."""
    counts = parse_faults(settings.faults)
    days = [settings.start + timedelta(days=block * _BLOCK + offset) for offset in range(_BLOCK)]
    planned: dict[tuple[str, date], str] = {}
    for fault, domains in FAULTS.items():
        free = [(domain, day) for domain in domains for day in days if (domain, day) not in planned]
        drawn = sorted((fault_bits(settings, fault, *file), file) for file in free)
        planned |= {file: fault for _, file in drawn[: counts.get(fault, 0)]}
    return planned
