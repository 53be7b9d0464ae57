"""docs/commands.md: the help of every command, as a page. `python -m stack.cli.reference` writes it.

The launcher answers `--help` from this page until the platform is installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from medallion.settings import PROJECT_ROOT
from stack.cli.app import app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typer._click import Command, Context

PAGE = PROJECT_ROOT / "docs" / "commands.md"
_WIDTH = 78  # of the help in a terminal of eighty columns or more
_HEAD = """\
# Commands

The help of every command, as `./retail COMMAND --help` prints it. This page is generated: after a change of a command
run `.venv/bin/python -m stack.cli.reference`.

To have your shell complete commands and options after the Tab key, add its line to its start-up file. It works for
`./retail`, for a path to it, and for a link to it on `PATH` that is named `retail`:

| shell | file | line |
|---|---|---|
| bash | `~/.bashrc` | `eval "$(/path/to/retail completion bash)"` |
| zsh | `~/.zshrc`, after `compinit` | `eval "$(/path/to/retail completion zsh)"` |
| fish | `~/.config/fish/config.fish` | `/path/to/retail completion fish \\| source` |
"""


def page() -> str:
    """The text of docs/commands.md."""
    sections = (f"\n## {path}\n\n```text\n{text}\n```\n" for path, text in help_texts())
    return _HEAD + "".join(sections)


def help_texts() -> Iterator[tuple[str, str]]:
    """The path of each command, as `./retail rejects list`, with its help."""
    root = typer.main.get_group(app)
    yield from _below(root, root.context_class(root, info_name="./retail", terminal_width=_WIDTH))


def _below(command: Command, context: Context) -> Iterator[tuple[str, str]]:
    yield context.command_path, command.get_help(context).rstrip()
    for name, child in getattr(command, "commands", {}).items():
        yield from _below(child, child.context_class(child, info_name=name, parent=context))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
