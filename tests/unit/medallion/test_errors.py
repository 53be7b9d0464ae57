"""An error is data: its fields make its words, and it goes from one process to another and stays what it is."""

from __future__ import annotations

import copy
import pickle
import re

import pytest

from medallion.error_record import record_of
from medallion.errors import AnswerNotWhole, KeyRefused, ProcessFailed, RetailError
from medallion.settings import PROJECT_ROOT
from tests.errors import example, tree

EVERY = pytest.mark.parametrize("kind", list(tree()), ids=lambda kind: kind.__name__)


def documented() -> dict[int, set[str]]:
    """The table of exit codes: branches of the tree by the code that a command ends with."""
    text = (PROJECT_ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| ((?:`[A-Za-z]+`(?:, )?)+) \|", text, re.MULTILINE)
    assert rows, "docs/operations.md has no table of exit codes"
    return {int(code): set(re.findall(r"\w+", names)) for code, names in rows}


@EVERY
def test_an_error_says_what_and_what_to_do(kind: type[RetailError]) -> None:
    error = example(kind)
    assert error.message
    assert error.remedy
    assert str(error) == f"{error.message} — {error.remedy}"


@EVERY
def test_an_error_says_why_and_says_nothing_twice(kind: type[RetailError]) -> None:
    error = example(kind)
    what, why = error.what_and_why()
    assert what
    assert why
    assert why not in what
    assert what not in why
    bare = RetailError.__new__(kind)
    RetailError.__init__(bare, "it stopped", remedy="begin again")
    assert bare.what_and_why() == ("it stopped", kind.usual_cause)


def test_each_branch_has_a_usual_cause_of_its_own() -> None:
    causes = {kind.usual_cause for kind in tree() if kind.__base__ is RetailError and "usual_cause" in vars(kind)}
    assert len(causes) > 5
    assert RetailError.usual_cause not in causes


@pytest.mark.parametrize(
    ("message", "cause", "parts"),
    [
        ("cannot connect: refused", None, ("cannot connect", "refused")),
        ("dbt deps failed:\nline 1\nline 2", None, ("dbt deps failed", "line 1\nline 2")),
        ("the API is gone", OSError("no route"), ("the API is gone", "no route")),
        ("it said no route", OSError("no route"), ("it said no route", RetailError.usual_cause)),
        ("sales: another run is newer", None, ("sales: another run is newer", RetailError.usual_cause)),
        ("no answer of http://a:1/b", None, ("no answer of http://a:1/b", RetailError.usual_cause)),
    ],
)
def test_a_message_ends_with_its_cause(message: str, cause: Exception | None, parts: tuple[str, str]) -> None:
    error = RetailError(message, remedy="wait")
    error.__cause__ = cause
    assert error.what_and_why() == parts


def test_a_cause_that_is_given_comes_first() -> None:
    assert RetailError("it is busy: so", remedy="wait", why="one at a time").what_and_why() == (
        "it is busy: so",
        "one at a time",
    )


def test_a_request_that_failed_is_a_sentence() -> None:
    assert KeyRefused(subject="GET http://a/b (cursor 1)", status=401).what_and_why() == (
        "GET http://a/b (cursor 1) failed",
        "status 401: the key is missing, wrong or revoked",
    )


@EVERY
def test_an_error_survives_pickling_and_copying(kind: type[RetailError]) -> None:
    error = example(kind)
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301 - our own
        assert (type(other), vars(other), str(other)) == (kind, vars(error), str(error))
        assert record_of(other) == record_of(error)


def test_an_error_keeps_its_fields() -> None:
    error = KeyRefused(subject="GET /sales", status=403)
    assert (error.subject, error.status) == ("GET /sales", 403)
    assert "status 403" in error.message
    assert AnswerNotWhole(subject="GET /sales", reason="cut off").retryable


@EVERY
def test_every_error_ends_a_command_with_the_documented_exit_code(kind: type[RetailError]) -> None:
    if issubclass(kind, ProcessFailed):  # it has the exit code of the error that it hands on
        return
    below_root = [one.__name__ for one in kind.__mro__ if issubclass(one, RetailError)][:-1]
    branch = below_root[-1] if below_root else "RetailError"
    assert branch in documented()[kind.exit_code]


def test_the_documented_exit_codes_name_every_branch_once() -> None:
    branches = [one.__name__ for one in RetailError.__subclasses__() if one in list(tree())]
    named = [name for names in documented().values() for name in names]
    assert sorted(named) == sorted([*branches, "RetailError"])


def test_a_process_that_failed_hands_on_the_exit_code_of_its_error() -> None:
    assert ProcessFailed("it broke", remedy="mend it", exit_code=6).exit_code == 6
    assert ProcessFailed("it broke", remedy="mend it").exit_code == 1
