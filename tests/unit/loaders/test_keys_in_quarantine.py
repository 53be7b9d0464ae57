"""The key of a line that is set aside: read where it can be, so that a correction settles the line."""

from __future__ import annotations

import pytest

from loaders.load_products import PRODUCTS
from loaders.load_sales_products import SALES_PRODUCT
from loaders.quarantine import key_of


@pytest.mark.parametrize(
    ("line", "key"),
    [
        (rb'{"product_id": 7, "name": "\ud800"}', [7]),  # half of a pair
        (b'{"product_id": 7, "price": NaN}', [7]),
        (rb'{"product_id": "7", "name": "\ud800"}', [None]),
        (rb'{"product_id": 1e400, "name": "\ud800"}', [None]),
        (rb'{"product_id": 7.5, "name": "\ud800"}', [None]),
        (rb'["\ud800"]', None),
        (b'{"product_id": 7', None),
        pytest.param(b"[" * 100_000, None, id="nested too deeply"),
    ],
)
def test_a_key_is_read_from_a_line_that_is_hardly_json(line: bytes, key: list[int | None] | None) -> None:
    assert key_of(PRODUCTS, line) == key


def test_a_part_of_a_key_that_is_not_there_is_none() -> None:
    assert key_of(SALES_PRODUCT, rb'{"sale_id": 3, "x": "\ud800"}') == [3, None]
