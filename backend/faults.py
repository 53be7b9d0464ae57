"""Which faults the source shows on demand, and how often: the value of `SOURCE_CHAOS`."""

from __future__ import annotations

from dataclasses import dataclass

from backend.switches import parse_switches


@dataclass(frozen=True)
class Fault:
    """`share` is that of the ids or requests that are struck when `SOURCE_CHAOS` names none; `most` its limit."""

    share: float
    most: float = 1.0


# A page looks for committed ids beyond those that are not; with a half of them missing it looks twice as far.
_OF_SALES = 0.5

FAULTS = {
    "late-commits": Fault(0.02, most=_OF_SALES),
    "deletes": Fault(0.001, most=_OF_SALES),
    "malformed": Fault(0.001),
    "schema-drift": Fault(0.001),
    "errors": Fault(0.05),
    "rate-limits": Fault(0.05),
    "slow": Fault(0.05),
    "truncated": Fault(0.05),
    "duplicate-pages": Fault(0.01),
    "reordered": Fault(0.01),
}


def parse_faults(text: str) -> dict[str, float]:
    """The share of each fault named in `text`: names with commas between, each with an optional `:share`.

    Raises ValueError, naming the word that is wrong and what would be right.
    """
    return parse_switches(text, FAULTS, "a fault", _share, lambda name: FAULTS[name].share)


def _share(name: str, text: str) -> float:
    most = FAULTS[name].most
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share <= most:  # refuses NaN too
        raise ValueError(f"{name}: the share {text!r} is no number above 0 and up to {most:g}")
    return share
