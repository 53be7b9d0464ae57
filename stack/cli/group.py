"""A group of commands: its help shows whole first sentences, and an unknown command is an error of three lines."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

import typer
from typer.core import TyperGroup

from stack.host.console import Talk

if TYPE_CHECKING:
    from typer._click import Command, Context, HelpFormatter

_END_OF_SENTENCE = re.compile(r"\.(?=\s|$)")
USAGE = 2


class CommandGroup(TyperGroup):
    """Commands of `./retail`, or of one of its groups."""

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        """List the commands, each with the first sentence of its help, wrapped and not cut."""
        found = {name: command for name in self.list_commands(ctx) if (command := self.get_command(ctx, name))}
        with formatter.section("Commands"):
            formatter.write_dl([(name, first_sentence(command.help or "")) for name, command in found.items()])

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, Command | None, list[str]]:
        """The command that the arguments name, and the rest of them. Ends the process when there is no such command."""
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            self._refuse(ctx, args[0])
        return super().resolve_command(ctx, args)

    def _refuse(self, ctx: Context, word: str) -> None:
        """Print what the launcher prints before an install, plus a guess."""
        path = ctx.command_path.partition(" ")[2]
        close = "".join(f"did you mean '{one}'? " for one in get_close_matches(word, self.commands, n=1))
        Talk().error(
            f"there is no command '{f'{path} {word}'.strip()}'",
            f"the commands{f' of {path}' if path else ''} are {', '.join(self.list_commands(ctx))}",
            f"{close}{ctx.command_path} --help explains each",
        )
        raise typer.Exit(USAGE)


def first_sentence(text: str) -> str:
    """The first sentence of a help text, in one line."""
    return " ".join(_END_OF_SENTENCE.split(text, maxsplit=1)[0].split()) + "."
