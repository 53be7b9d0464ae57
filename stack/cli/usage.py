"""Shows a wrong command line as an error of three lines: what, why, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typer.exceptions import TyperException

    from stack.host.console import Talk

_EXIT_CODE = 2


def show_usage_error(error: TyperException, talk: Talk) -> int:
    """Print what is wrong with the command line; returns the exit code. Without any command, print the help."""
    of_usage: Any = error  # the class that has these members is not public
    context = getattr(of_usage, "ctx", None)
    what = str(of_usage.format_message())
    if context is None or what.startswith("Usage:"):
        of_usage.show()
        return int(getattr(error, "exit_code", _EXIT_CODE))
    usage = str(context.command.get_usage(context)).removeprefix("Usage: ")
    talk.error(_sentence(what), f"usage: {usage}", f"{context.command_path} --help has every option")
    return int(getattr(error, "exit_code", _EXIT_CODE))


def _sentence(text: str) -> str:
    """The text as the other errors begin and end: in lower case, without a full stop."""
    words = " ".join(text.split()).rstrip(".")
    return words[:1].lower() + words[1:]
