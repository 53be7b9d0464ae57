"""What an operator does about an error of Postgres."""

from __future__ import annotations

import pytest

from medallion.database import remedy_of


@pytest.mark.parametrize(
    ("sqlstate", "words"),
    [
        ("53100", "free space"),
        ("42P01", "./retail schema"),
        ("3F000", "./retail schema"),
        ("08006", "server runs"),
        ("57P01", "was stopped"),
        ("23514", "what the message names"),
        (None, "what the message names"),
    ],
)
def test_a_remedy_follows_from_the_code_of_the_error_or_its_class(sqlstate: str | None, words: str) -> None:
    assert words in remedy_of(sqlstate)
