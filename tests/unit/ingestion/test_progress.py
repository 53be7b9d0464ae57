"""A cursor on the live line is text and nothing else."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

import ingestion.progress
from ingestion.progress import pull_progress


def test_a_cursor_that_looks_like_markup_is_shown_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setattr(
        ingestion.progress, "Console", lambda **_: Console(file=screen, force_terminal=True, width=100, no_color=True)
    )
    with pull_progress("customers", str) as report:
        report(1, "[/]")
        report(1, "[red]")
    assert "[red]" in screen.getvalue()
