"""All source entities, in the order in which a run takes them. An entity that is not listed here does not exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medallion.entities.customers import CUSTOMERS
from medallion.entities.entity import ByUpdatedAt
from medallion.entities.products import PRODUCTS
from medallion.entities.sales import SALES
from medallion.entities.stores import STORES

if TYPE_CHECKING:
    from medallion.entities.entity import Entity

_DECLARED = (CUSTOMERS, PRODUCTS, STORES, SALES)

ENTITIES: dict[str, Entity] = {one.name: one for one in _DECLARED}
TABLES = {table.name: table for one in _DECLARED for table in one.tables}
# Entities whose records change, each with the setting that says how far a pull looks back.
LISTINGS = {one.name: one.order.lookback for one in _DECLARED if isinstance(one.order, ByUpdatedAt)}
