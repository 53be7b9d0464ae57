"""One item is made ahead: the same items, in the same order, with the same errors."""

from __future__ import annotations

import threading
from collections.abc import Generator

import pytest

from loaders.ahead import one_ahead


def numbers(made: list[int], until: int = 5, fails_at: int | None = None) -> Generator[int, None, None]:
    for number in range(until):
        if number == fails_at:
            raise ValueError(f"no number {number}")
        made.append(number)
        yield number


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_items_come_whole_and_in_order(count: int) -> None:
    with one_ahead(numbers([], count)) as ahead:
        assert list(ahead) == list(range(count))


def test_what_is_false_is_an_item_too() -> None:
    with one_ahead(value for value in (0, None, "")) as ahead:
        assert list(ahead) == [0, None, ""]


def test_an_error_comes_in_the_place_of_its_item() -> None:
    with one_ahead(numbers([], fails_at=3)) as ahead:
        assert [next(ahead), next(ahead), next(ahead)] == [0, 1, 2]
        with pytest.raises(ValueError, match="no number 3"):
            next(ahead)


def test_never_more_than_one_is_made_ahead() -> None:
    made: list[int] = []
    with one_ahead(numbers(made)) as ahead:
        for used, _ in enumerate(ahead, 1):
            assert len(made) <= used + 1


def test_the_next_item_is_made_while_one_is_used() -> None:
    """Neither side would get on if the other had to be finished first."""
    is_used = threading.Event()

    def items() -> Generator[int, None, None]:
        yield 1
        assert is_used.wait(10)
        yield 2

    with one_ahead(items()) as ahead:
        for _ in ahead:
            is_used.set()


def test_left_early_no_thread_stays_and_the_items_end() -> None:
    made: list[int] = []
    with one_ahead(numbers(made)) as ahead:
        next(ahead)
    assert len(made) <= 2
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]
