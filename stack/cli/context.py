"""Shared parts of the commands: their options, settings read at the edge, and a warehouse connection."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stack.host.console import Talk
from stack.host.home import Home
from stack.host.settings import load_stack_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from psycopg2.extensions import connection

    from stack.host.settings import StackSettings

# A command that hands its arguments on to another program.
PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False}
AsJson = Annotated[bool, typer.Option("--json", help="Print the result to stdout as JSON.")]


def open_home() -> tuple[Home, StackSettings]:
    """RETAIL_HOME, made if need be, and the settings. Raises ConfigurationError."""
    settings = load_stack_settings()
    return Home(settings.retail_home).prepare(), settings


def where_the_user_stands(path: Path) -> Path:
    """A path that the user gave, relative to the user's folder: the launcher has changed the current one."""
    return Path(os.environ.get("RETAIL_CALLER_FOLDER") or ".").absolute() / path


@contextmanager
def open_warehouse() -> Iterator[tuple[connection, StackSettings]]:
    """A connection to the warehouse, which is started if need be, with its schema applied."""
    from medallion.database import connect
    from medallion.schema import prepare_schema
    from stack.services.warehouse import warehouse

    home, settings = open_home()
    with warehouse(home, settings, Talk()) as url, connect(url, application_name="retail") as conn:
        prepare_schema(conn)
        yield conn, settings


def one_of(known: Iterable[str]) -> Callable[[str | None], str | None]:
    """A check of an argument: a usage error unless it is one of the names, or was left out."""

    def check(name: str | None) -> str | None:
        if name is None or name in known:
            return name
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(known)}")

    return check
