"""docs/commands-json.md says what `--json` prints."""

from __future__ import annotations

import inspect

import typer

from stack.cli.app import app
from tests.json_page import COMMANDS, PAGE, page

# What they print has no type of its own.
OTHERS = {"bench", "contract show", "rejects discard"}


def test_the_page_is_that_of_the_types() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "python -m tests.json_page writes it"


def test_every_command_with_json_is_on_the_page() -> None:
    commands = dict(typer.main.get_group(app).commands)
    for group in ("rejects", "contract"):
        commands |= {f"{group} {name}": one for name, one in commands.pop(group).commands.items()}
    for group in ("env", "anomalies"):  # which list by themselves
        commands |= {f"{group} {name}": one for name, one in commands[group].commands.items()}
    with_json = {name for name, one in commands.items() if any("--json" in option.opts for option in one.params)}
    assert with_json - OTHERS == {*COMMANDS}


def test_every_type_explains_itself() -> None:
    assert all(inspect.getdoc(kind) for kind in COMMANDS.values())
