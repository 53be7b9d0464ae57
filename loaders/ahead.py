"""Prefetch of one item: the next item is made in a thread while the current one is used."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

Item = TypeVar("Item")


@contextmanager
def one_ahead(items: Generator[Item, None, None]) -> Iterator[Iterator[Item]]:
    """The same items in the same order, each made in a thread while the one before it is used.

    At most one item is made ahead, which bounds the memory. An error of `items` is raised where its item would have
    come. Leaving early waits for the item under way, so items must not take forever.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as maker, closing(_ahead(maker, items)) as made:
        yield made


def _ahead(maker: ThreadPoolExecutor, items: Iterator[Item]) -> Generator[Item, None, None]:
    coming = maker.submit(_next, items)
    while item := coming.result():
        coming = maker.submit(_next, items)
        yield item[0]


def _next(items: Iterator[Item]) -> tuple[Item] | None:
    """The next item in a tuple, None after the last: StopIteration cannot be raised through a future."""
    return next(((item,) for item in items), None)
