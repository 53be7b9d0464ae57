"""`./retail audits` on a narrow terminal."""

from __future__ import annotations

import pytest
from rich.console import Console

from gold.audits import declared_audits
from stack.cli.audits import _print
from stack.host.console import MOST_WIDTH


def test_no_name_is_cut_however_narrow_the_terminal_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    audits = declared_audits()
    _print(audits, 0.0314, Console(highlight=False, soft_wrap=True, width=MOST_WIDTH))
    printed = capsys.readouterr().out
    assert [one.name for one in audits if f" {one.name} " not in printed] == []
    assert audits != []
    assert printed.endswith("the last audits took 3.1% of the time of their builds\n")
