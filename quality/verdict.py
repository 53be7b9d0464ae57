"""The verdict of a check: its status, the differences in words, and the remedies. Pure functions.

BALANCED: every layer equals the source's totals. EXPLAINED: what differs is late, in quarantine or accepted, each
counted. DIFFERENT: anything else. UNCHECKED: the source has no totals to compare with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from quality.sales_differences import some

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quality.listing_differences import RecordsFound
    from quality.sales_differences import SalesFound

_NAMED = 10  # ids that a message names before it only counts
_UNCHECKED = "the source offers no totals of {}: nothing was compared with it"


@dataclass(frozen=True)
class Verdict:
    """The verdict. `difference` says what differs, None when nothing does; `remedies` say what to do."""

    status: str
    difference: str | None
    remedies: tuple[str, ...] = ()
    is_settled: bool = True


def verdict_of_sales(found: SalesFound | None, ours: Sequence[tuple[str, str]]) -> Verdict:
    """The verdict on sales. `found`: None without totals; `ours`: differences between the layers, with remedies."""
    of_layers, helps_layers = [what for what, _ in ours], tuple(remedy for _, remedy in ours)
    if found is None:
        words = "; ".join([*of_layers, _UNCHECKED.format("sales")])
        return Verdict("DIFFERENT", words, helps_layers, is_settled=False) if ours else Verdict("UNCHECKED", words)
    named = {
        "missing in Silver": found.missing,
        "not at the source": found.unknown,
        "with other lines or amounts": found.lines,
        "with another customer, store, time or payment": found.headers,
    }
    words = "; ".join([*_named("sales", named), *found.unnamed, *of_layers])
    if words:
        repairable = sorted({*found.missing, *found.lines, *found.headers})
        helps = (*_repair(repairable), *_accept("sales", found.unknown), *_fix_source(found.unnamed), *helps_layers)
        return Verdict("DIFFERENT", words, helps, is_settled=False)
    headers, lines = found.in_quarantine
    aside = f"in quarantine: headers {headers:,}, lines {lines:,}" if headers or lines else ""
    return _green("sales", found.late, found.accepted, aside, is_settled=not found.late)


def verdict_of_records(dataset: str, found: RecordsFound | None) -> Verdict:
    """The verdict on a changing listing; `found` is None without totals."""
    if found is None:
        return Verdict("UNCHECKED", _UNCHECKED.format(dataset))
    named = {
        "missing or older in Silver": found.missing,
        "not at the source, or newer in Silver": found.unknown,
        "with another content at the same moment": found.changed,
    }
    words = "; ".join([*_named(dataset, named), *found.unnamed])
    if words:
        refresh = (f"missing or older {dataset}: trigger a run with full_refresh",) if found.missing else ()
        helps = (*refresh, *_accept(dataset, found.unknown + found.changed), *_fix_source(found.unnamed))
        return Verdict("DIFFERENT", words, helps, is_settled=False)
    some_aside = found.in_quarantine or found.rejected_count
    aside = f"in quarantine: {len(found.in_quarantine):,} {dataset}" if some_aside else ""
    return _green(dataset, found.late, found.accepted, aside)


def _named(entity: str, ids: Mapping[str, Sequence[int]]) -> list[str]:
    return [f"{entity} {what}: {some(found)}" for what, found in ids.items() if found]


def _green(
    entity: str, late: Sequence[int], accepted: Sequence[int], aside: str, *, is_settled: bool = True
) -> Verdict:
    """The verdict where every difference is explained."""
    words = (
        f"{len(late):,} late, asked for again by the next pull: {entity} {some(late)}" if late else "",
        aside,
        f"{len(accepted):,} accepted as they are: {entity} {some(accepted)}" if accepted else "",
    )
    explained = "; ".join(one for one in words if one)
    return Verdict("EXPLAINED", explained, (), is_settled=is_settled) if explained else Verdict("BALANCED", None)


def _repair(ids: Sequence[int]) -> tuple[str, ...]:
    options = " ".join(f"--repair {one}" for one in ids[:_NAMED])
    return (f"./retail reconcile {options} pulls these again, ./retail run then takes them",) if ids else ()


def _accept(entity: str, ids: Sequence[int]) -> tuple[str, ...]:
    words = f"{entity} that stay so, withdrawn or rewritten by the source: ./retail reconcile --accept"
    return (words,) if ids else ()


def _fix_source(unnamed: Sequence[str]) -> tuple[str, ...]:
    return ("totals and listing of the source contradict each other: have the source fixed",) if unnamed else ()
