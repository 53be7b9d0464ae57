"""A bucket of tokens per key: a burst at once, then the rate, and no key pays for another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.rate_limit import TokenBuckets


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_burst_passes_at_once_and_the_next_waits_for_its_token(clock: Clock) -> None:
    buckets = TokenBuckets(per_second=2, burst=3, clock=clock)
    assert [buckets.take("key") for _ in range(4)] == [0, 0, 0, 0.5]
    clock.now = 0.25
    assert buckets.take("key") == 0.25
    clock.now = 0.5
    assert buckets.take("key") == 0
    assert buckets.take("key") == 0.5


def test_a_long_rest_fills_the_bucket_and_no_more(clock: Clock) -> None:
    buckets = TokenBuckets(per_second=2, burst=3, clock=clock)
    buckets.take("key")
    clock.now = 1_000.0
    assert [buckets.take("key") > 0 for _ in range(4)] == [False, False, False, True]


def test_one_key_does_not_pay_for_another(clock: Clock) -> None:
    buckets = TokenBuckets(per_second=1, burst=1, clock=clock)
    assert [buckets.take("one"), buckets.take("two"), buckets.take("one")] == [0, 0, 1]


@given(st.lists(st.floats(0, 5), max_size=60), st.floats(0.1, 20), st.integers(1, 10))
def test_never_more_than_burst_and_rate_allow_and_the_wait_it_names_is_enough(
    pauses: list[float], per_second: float, burst: int
) -> None:
    clock = Clock()
    buckets = TokenBuckets(per_second, burst, clock)
    for passed, pause in enumerate(pauses, 1):
        clock.now += pause
        wait = buckets.take("key")
        if wait:
            clock.now += wait + 1e-6
            assert buckets.take("key") == 0
        assert passed <= burst + clock.now * per_second + 1e-3
