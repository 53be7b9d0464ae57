"""The result of one check of `./retail doctor`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One check. `state` is ok, warn or fail; `remedy` is empty when it is ok."""

    name: str
    state: str
    found: str
    remedy: str = ""
