"""What others say is shown to a person, and obeyed by nothing."""

from __future__ import annotations

import io
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from loaders.rejects import Reject
from medallion.errors import ConfigurationError, SourceUnavailable
from medallion.foreign_text import shown
from stack.cli.reject_table import print_reject, print_rejects
from stack.host.console import Talk


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain", "plain"),
        ("Grüße, 東京, שלום 😀 [/] <b>", "Grüße, 東京, שלום 😀 [/] <b>"),
        ("\x1b[2J", "\\u001b[2J"),
        ("a\r\nb\tc", "a\\u000d\\u000ab\\u0009c"),
        ("\x00\x7f\x9b", "\\u0000\\u007f\\u009b"),
        ("\u2028\u2029\u202e\u2066\u200b\ufeff", "\\u2028\\u2029\\u202e\\u2066\\u200b\\ufeff"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        (b"\xff\x1b", "\\xff\\u001b"),
        (ValueError("x\ny"), "x\\u000ay"),
    ],
)
def test_what_has_no_shape_of_its_own_is_an_escape(text: object, seen: str) -> None:
    assert shown(text) == seen


def test_a_long_text_is_cut_and_its_length_is_told() -> None:
    assert shown("x" * 70_000, 10) == "xxxxxxxxxx… (70,000 characters)"


@given(text=st.one_of(st.text(st.characters()), st.binary()), most=st.integers(1, 200))
def test_whatever_the_text_it_is_one_printable_line_of_bounded_length(text: str | bytes, most: int) -> None:
    seen = shown(text, most)
    assert seen.isprintable()
    assert len(seen) <= 10 * most + 40


HOSTILE = "\x1b[2J\x07\u202e\ud800\x00"


def test_an_error_holds_no_code_for_a_terminal_and_that_of_a_source_is_one_line() -> None:
    error = SourceUnavailable(f"a\n{HOSTILE}" + "x" * 70_000, remedy="do\nthis")
    assert error.message.isprintable()
    assert len(error.message) < 2_100
    assert error.remedy == "do this"
    assert ConfigurationError(f"one\n{HOSTILE}", remedy="x").message == "one\n\\u001b[2J\\u0007\\u202e\\ud800\\u0000"


def test_a_terminal_sees_neither_codes_nor_markup_of_others() -> None:
    screen = io.StringIO()
    console = Console(file=screen, soft_wrap=True, highlight=False, force_terminal=True, no_color=True)
    reject = Reject(
        1, "sales", "p", 1, f"r[/]{HOSTILE}", "f", f"[red]{HOSTILE}\u2028".encode("utf-8", "surrogatepass"), "OPEN",
        datetime(2026, 1, 1, tzinfo=timezone.utc),
    )  # fmt: skip
    print_rejects([reject], console)
    print_reject(reject, console)
    talk = Talk(console)
    talk.say(HOSTILE)
    talk.warn(HOSTILE)
    talk.error(HOSTILE, HOSTILE, HOSTILE)
    seen = screen.getvalue()
    assert "[red]" in seen
    assert "r[/]" in seen
    assert not {*"\x07\u202e\ud800\x00\u2028"} & set(seen)
    assert "\x1b[2J" not in seen
