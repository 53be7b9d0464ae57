"""CI runs a twentieth of the slow tests for each commit, and all of them in twenty."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from stack.commands.checks import SLOW_SHARE, share_of_commit
from tests.slow_share import chosen_share, left_out

SHARED = "tests/integration/test_retail_cli.py"


def item(nodeid: str, *, is_slow: bool, **arguments: bool) -> Any:
    mark = SimpleNamespace(kwargs=arguments) if is_slow else None
    return SimpleNamespace(nodeid=nodeid, get_closest_marker=lambda _: mark)


ITEMS = [
    *(item(f"tests/dags/test_{number}.py::test_it", is_slow=True) for number in range(8)),
    *(item(f"{SHARED}::test_{number}", is_slow=number > 0) for number in range(4)),
    item("tests/unit/test_quick.py::test_it", is_slow=False),
]


def test_three_shares_have_each_slow_test_once_and_no_share_lacks_another_test() -> None:
    kept = [{one.nodeid for one in ITEMS} - {one.nodeid for one in left_out(ITEMS, (n, 3))} for n in (1, 2, 3)]
    always = {one.nodeid for one in ITEMS if not one.get_closest_marker("slow")}
    assert set.intersection(*kept) == always
    assert sum(len(one - always) for one in kept) == 11
    assert set.union(*kept) == {one.nodeid for one in ITEMS}
    assert left_out(ITEMS, None) == []


def test_a_slow_test_may_be_in_every_share() -> None:
    always = item(f"{SHARED}::test_always", is_slow=True, in_every_share=True)
    assert [always in left_out([*ITEMS, always], (n, 3)) for n in (1, 2, 3)] == [False, False, False]


def test_slow_tests_of_a_file_that_shares_a_platform_are_in_one_share() -> None:
    of_file = {one.nodeid for one in ITEMS if one.nodeid.startswith(SHARED) and one.get_closest_marker("slow")}
    counts = [len(of_file & {one.nodeid for one in left_out(ITEMS, (n, 3))}) for n in (1, 2, 3)]
    assert sorted(counts) == [0, 3, 3]


def test_a_commit_chooses_one_of_twenty_shares_and_another_commit_another() -> None:
    shares = [share_of_commit(f"00ffee{number:034x}") for number in range(300)]
    assert {*shares} == {f"{number}/20" for number in range(1, 21)}
    assert [chosen_share({SLOW_SHARE: one}) for one in shares[:20]] == [(number, 20) for number in range(1, 21)]
    assert chosen_share({}) is None


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "a/b", "1/0"])
def test_a_share_that_there_is_not_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a share"):
        chosen_share({SLOW_SHARE: text})
