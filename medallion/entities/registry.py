"""All source entities, in the order in which a run takes them. An entity that is not listed here does not exist.

`ENTITIES` are listed by the source and pulled every hour; `DELIVERED` come as files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from medallion.entities.customers import CUSTOMERS
from medallion.entities.entity import ByUpdatedAt
from medallion.entities.membership.op_stats import OP_STATS
from medallion.entities.membership.post_deduction import POST_DEDUCTION
from medallion.entities.membership.pre_deduction import PRE_DEDUCTION
from medallion.entities.membership.top_up import TOP_UP
from medallion.entities.products import PRODUCTS
from medallion.entities.sales import SALES
from medallion.entities.stores import STORES

if TYPE_CHECKING:
    from medallion.entities.entity import Entity

_DECLARED = (CUSTOMERS, PRODUCTS, STORES, SALES)
_BY_FILE = (TOP_UP, PRE_DEDUCTION, POST_DEDUCTION, OP_STATS)

ENTITIES: dict[str, Entity] = {one.name: one for one in _DECLARED}
DELIVERED: dict[str, Entity] = {one.name: one for one in _BY_FILE}
EVERY: dict[str, Entity] = ENTITIES | DELIVERED
TABLES = {table.name: table for one in (*_DECLARED, *_BY_FILE) for table in one.tables}
# Entities whose records change, each with the setting that says how far a pull looks back.
LISTINGS = {one.name: one.order.lookback for one in _DECLARED if isinstance(one.order, ByUpdatedAt)}
