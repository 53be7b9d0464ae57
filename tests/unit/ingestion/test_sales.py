"""A page of sales is held against its cursor before it may move the watermark."""

from __future__ import annotations

import pytest

from ingestion.id_page import validate_page
from ingestion.record_ids import ids_of
from ingestion.sales import SALES, divide_sales
from ingestion.source import Page
from medallion.bronze.ndjson import Ndjson
from medallion.errors import SourceViolation
from medallion.state.id_range import IdRange


def page(*ids: object, next_cursor: str) -> Page:
    return Page([f'{{"sale_id":{number}}}'.encode() for number in ids], has_more=False, next_cursor=next_cursor)


def passed_over(cursor: str | None, page: Page) -> list[IdRange]:
    return validate_page(SALES, cursor, page, ids_of(SALES.key, page.items))


def test_ids_that_rise_to_the_cursor_are_accepted_and_those_left_out_are_told() -> None:
    assert passed_over("4", page(5, 7, 9, next_cursor="9")) == [IdRange(6, 6), IdRange(8, 8)]
    assert passed_over(None, page(1, next_cursor="1")) == []


@pytest.mark.parametrize(
    ("cursor", "ids", "next_cursor"),
    [
        ("4", (4, 5), "5"),
        ("4", (3,), "3"),
        ("4", (6, 5), "6"),
        ("4", (5, 5), "5"),
        ("4", (5, 6), "60"),
        ("4", (5, 6), "5"),
        ("4", (5, 6), "six"),
        ("4", (5, '"odd"'), "4"),
        ("yesterday", (5,), "5"),
    ],
)
def test_a_page_that_contradicts_its_cursor_is_refused(cursor: str, ids: tuple[object, ...], next_cursor: str) -> None:
    with pytest.raises(SourceViolation):
        passed_over(cursor, page(*ids, next_cursor=next_cursor))


def test_a_sale_without_a_readable_id_is_left_to_silver_and_its_id_counts_as_passed_over() -> None:
    assert passed_over("4", page(5, '"odd"', next_cursor="6")) == [IdRange(6, 6)]


def test_headers_and_lines_go_to_their_datasets() -> None:
    divided = divide_sales([b'{"sale_id":1,"lines":[{"line_no":1}]}'])
    assert divided == {
        "sales_customer": Ndjson(b'{"sale_id":1}\n', 1),
        "sales_product": Ndjson(b'{"sale_id":1,"line_no":1}\n', 1),
    }
