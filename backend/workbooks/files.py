"""The files of the departments: one per domain and day, and the ledger of what is wrong with which."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from backend.workbooks.fault_kinds import DOMAINS
from backend.workbooks.layouts import LAYOUTS, Sheet, lay_out
from backend.workbooks.plan import fault_bits, fault_of
from backend.workbooks.spoiling import spoil
from backend.workbooks.truth import rows
from backend.workbooks.workbook import workbook_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from backend.workbooks.settings import WorkbookSettings

_LATE_AT_LEAST, _LATE_WITHIN = 2, 4  # days
_AGAIN_WITHIN = 3  # days
_LONGEST_WAIT = max(_LATE_AT_LEAST + _LATE_WITHIN - 1, _AGAIN_WITHIN)
_LATER = ("late_file", "resend")
_SAVED = time(22, 30)  # UTC


@dataclass(frozen=True)
class Report:
    """A file that a department sends about a day. It exists from the end of the day `exists_from` on."""

    domain: str
    day: date
    name: str
    content: bytes
    exists_from: date


@dataclass(frozen=True)
class Planted:
    """What is wrong with the file of a domain and day. `names`: what is sent instead of one sound file.

    `exists_from`: the day on which the last of them comes; None where none does. `detail`: where to look, in words.
    """

    fault: str
    domain: str
    day: date
    names: tuple[str, ...]
    exists_from: date | None
    detail: str


def reports(settings: WorkbookSettings, days: Iterable[date], domains: Iterable[str] = DOMAINS) -> Iterator[Report]:
    """The files about these days, day by day, with the faults of the settings.

    Raises ValueError for a domain that there is not, or a day before the start.
    """
    wanted = tuple(domains)
    for day in days:
        for domain in wanted:
            yield from _sent(settings, domain, day)[0]


def arrivals(settings: WorkbookSettings, first: date, last: date, domains: Iterable[str] = DOMAINS) -> Iterator[Report]:
    """The files that come into being from `first` to `last`, late ones about the days before included.

    So that spans one after the other give together what one span over all of them gives. Raises as `reports` does.
    """
    wanted = tuple(domains)
    earliest = max(settings.start, first - timedelta(days=_LONGEST_WAIT)) if settings.start < first else first
    for day in days_between(earliest, last):
        # Before the span only what comes late can be of interest: the rest need not be made.
        asked = [one for one in wanted if day >= first or fault_of(settings, one, day) in _LATER]
        yield from (one for one in reports(settings, [day], asked) if first <= one.exists_from <= last)


def days_between(first: date, last: date) -> list[date]:
    """The days from `first` to `last`, both included. Raises ValueError where there is none."""
    if last < first:
        raise ValueError(f"{last} is before {first}: the last day comes after the first")
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def ledger(settings: WorkbookSettings, days: Iterable[date], domains: Iterable[str] = DOMAINS) -> Iterator[Planted]:
    """The faults among the files about these days: what `reports` sends for the same arguments, and nothing else."""
    wanted = tuple(domains)
    for day in days:
        for domain in wanted:
            if fault_of(settings, domain, day) and (planted := _sent(settings, domain, day)[1]):
                yield planted


def _sent(settings: WorkbookSettings, domain: str, day: date) -> tuple[list[Report], Planted | None]:
    """The files of a domain about a day, and what is wrong with them."""
    values = rows(settings, domain, day)
    sound = _report(domain, day, lay_out(LAYOUTS[domain], values))
    fault = fault_of(settings, domain, day)
    if fault is None:
        return [sound], None
    bits = fault_bits(settings, fault, domain, day)
    if fault in _OF_FILES:
        found, detail = _OF_FILES[fault](sound, bits)
    elif spoilt := spoil(fault, LAYOUTS[domain], values, bits):
        found, detail = [_report(domain, day, spoilt[0])], spoilt[1]
        found += [_again(sound, bits)] if fault == "resend" else []
    else:
        return [sound], None
    names = tuple(one.name for one in found)
    exists_from = max((one.exists_from for one in found), default=None)
    return found, Planted(fault, domain, day, names, exists_from, detail)


def _report(domain: str, day: date, sheet: Sheet) -> Report:
    content = workbook_bytes(sheet, datetime.combine(day, _SAVED))
    return Report(domain, day, f"{domain}_{day}.xlsx", content, exists_from=day)


def _again(sound: Report, bits: int) -> Report:
    """The file as its sender corrects it, under the name that a browser gives to a second copy."""
    name = sound.name.replace(".xlsx", " (2).xlsx")
    return replace(sound, name=name, exists_from=sound.day + timedelta(days=1 + bits // 2**20 % _AGAIN_WITHIN))


def _missing(sound: Report, _: int) -> tuple[list[Report], str]:
    return [], f"{sound.name} never comes"


def _late(sound: Report, bits: int) -> tuple[list[Report], str]:
    late = replace(sound, exists_from=sound.day + timedelta(days=_LATE_AT_LEAST + bits % _LATE_WITHIN))
    return [late], f"it comes on {late.exists_from} only"


def _half_copied(sound: Report, bits: int) -> tuple[list[Report], str]:
    size = len(sound.content) * (20 + bits % 61) // 100
    return [replace(sound, content=sound.content[:size])], f"the first {size} of {len(sound.content)} bytes"


_OF_FILES = {"missing_file": _missing, "late_file": _late, "half_copied": _half_copied}
