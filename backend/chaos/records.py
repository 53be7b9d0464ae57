"""Records that break their schema on demand: which, and how, is a draw for the record's id.

A *malformed* record has a value that cannot be right; *schema drift* is what another release of the source
would send: a member more, one less, another name, another type. An id that is struck is struck in every
answer, so that a record does not heal by being asked for again.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import polars as pl

from backend.data import KEYS
from backend.dataset.random_draws import below, draw, happens

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NO_TIME, _NUL, _SURROGATE = "2026-02-30T10:00:00Z", "a\x00b", "\ud800"
# A member and the value it gets. A member of the first line of a sale is named with `lines.` before it.
_MALFORMED: dict[str, Sequence[tuple[str, Any]]] = {
    "customers": (
        ("customer_id", "C-1"), ("signed_up_at", _NO_TIME), ("updated_at", ""), ("city", _NUL),
        ("first_name", _SURROGATE), ("country", "France"), ("is_deleted", math.nan),
    ),
    "products": (
        ("product_id", 1.5), ("updated_at", _NO_TIME), ("name", _NUL), ("brand", _SURROGATE), ("currency", "euro"),
        ("unit_price", "NaN"), ("unit_cost", "1e400"), ("is_active", math.inf),
    ),
    "stores": (
        ("store_id", "S-1"), ("opened_at", _NO_TIME), ("updated_at", ""), ("name", _NUL), ("city", _SURROGATE),
        ("country", "France"), ("currency", "euro"), ("is_active", math.nan),
    ),
    "sales": (
        ("sale_id", "S-1"), ("sold_at", _NO_TIME), ("customer_id", -1), ("payment_method", _NUL),
        ("channel", _SURROGATE), ("store_id", math.nan), ("lines.quantity", 0), ("lines.unit_price", "12.505"),
        ("lines.discount", math.inf), ("lines.product_id", 2**63),
    ),
}  # fmt: skip
_DRIFTS = ("added", "missing", "null", "renamed", "retyped")
_ID = r'^\{"[a-z_]+":(\d+)'  # the API's records begin with their id


class Spoiler:
    """Spoils the share of records that the faults `malformed` and `schema-drift` ask for."""

    def __init__(self, faults: Mapping[str, float], seed: int) -> None:
        self._malformed = faults.get("malformed", 0.0)
        self._drift = faults.get("schema-drift", 0.0)
        self._seed = seed

    def spoil(self, resource: str, items: list[str]) -> list[str]:
        """The records, JSON objects of `resource`, with those spoilt whose ids are struck."""
        if not items or not (self._malformed or self._drift):
            return items
        struck = self._struck(resource, pl.Series("id", items).str.extract(_ID).cast(pl.Int64))
        spoilt = list(items)
        for at, is_malformed, bits in struck.select("at", "is_malformed", "bits").iter_rows():
            record = json.loads(items[at])
            (_malform if is_malformed else _drift)(resource, record, bits)
            spoilt[at] = json.dumps(record, separators=(",", ":"))  # ASCII: a lone surrogate has no UTF-8
        return spoilt

    def unfit(self, resource: str, ids: pl.Series) -> pl.Series:
        """Those of the ids whose records break the contract; a member more does not."""
        struck = self._struck(resource, ids)
        return struck.filter(pl.col("is_malformed") | (pl.col("bits") % len(_DRIFTS) != 0))["id"]

    def _struck(self, resource: str, ids: pl.Series) -> pl.DataFrame:
        """The ids that are struck: `at`, their place, `is_malformed` or drifted, and `bits` for how."""
        key, of = pl.col("id"), resource[:3]
        chances = ids.alias("id").to_frame().with_row_index("at").with_columns(
            happens(draw(key, self._seed, f"bad-{of}"), self._malformed).alias("is_malformed"),
            happens(draw(key, self._seed, f"drf-{of}"), self._drift).alias("is_drifted"),
            below(draw(key, self._seed, f"how-{of}"), 2**40).alias("bits"),
        )  # fmt: skip
        return chances.filter(pl.col("is_malformed") | pl.col("is_drifted"))


def _malform(resource: str, record: dict[str, Any], bits: int) -> None:
    ways = _MALFORMED[resource]
    member, value = ways[bits % len(ways)]
    target = record["lines"][0] if member.startswith("lines.") else record
    target[member.removeprefix("lines.")] = value


def _drift(resource: str, record: dict[str, Any], bits: int) -> None:
    """Change the shape of the record, or of its first line; never its key, which `malformed` sees to."""
    way, bits = _DRIFTS[bits % len(_DRIFTS)], bits // len(_DRIFTS)
    target = record["lines"][0] if "lines" in record and bits % 2 else record
    names = [name for name in target if name != KEYS[resource]]
    name = names[bits // 2 % len(names)]
    if way == "added":
        target["added_by_a_new_release"] = {"level": 3}
    elif way == "missing":
        del target[name]
    elif way == "renamed":
        target[name.title().replace("_", "")] = target.pop(name)
    else:
        target[name] = None if way == "null" else _retyped(target[name])


def _retyped(value: Any) -> Any:
    return str(value) if isinstance(value, (int, bool)) else [value]
