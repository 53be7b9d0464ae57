"""Resources besides customers, products and sales; docs/extending.md adds one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backend.dataset.listing import Listing

OTHERS: dict[str, Listing] = {}
