"""`./retail notebook`: JupyterLab on the notebooks as the reader until it is stopped, or each as a page."""

from __future__ import annotations

import json
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from medallion.database import connect
from medallion.errors import ConfigurationError, NotebookFailed, RetailError
from medallion.schema import prepare_to_read
from stack.commands.superset_access import reader_address
from stack.host.environments import open_environment
from stack.host.logs import tail
from stack.services.notebook import (
    ENVIRONMENT,
    NAME,
    SERVING,
    notebook_address,
    notebook_environment,
    notebook_files,
    notebook_service,
    pages_folder,
)
from stack.services.ports import choose_port
from stack.services.processes import await_ready, ended, start, stop
from stack.services.warehouse import warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stack.host.console import Talk
    from stack.host.home import Home
    from stack.host.settings import StackSettings


def serve_notebooks(home: Home, settings: StackSettings, talk: Talk, name: str | None = None) -> None:
    """Serve JupyterLab until stopped, with `name` open. The embedded warehouse runs meanwhile.

    Raises ToolUnavailable if it cannot be installed, and ServiceFailed if it does not start or ends by itself.
    """
    opened = _chosen(name)
    with home.try_locked(NAME) as mine:
        if not mine:
            raise RetailError(
                f"another ./retail notebook is serving already (process {home.holder(NAME)})",
                remedy="see ./retail status for its address, or end it with Ctrl-C there",
            )
        _require_reader(home, settings)
        with home.locked("starting"):  # as every choice of a port: the choices are kept in one place
            port = choose_port(home, settings, "notebook_port")
        programs = open_environment(home, ENVIRONMENT, talk)
        with _read_warehouse(home, settings, talk) as reader_url:
            service = notebook_service(home, programs, port, reader_url)
            try:
                with talk.step("JupyterLab"):
                    process = start(home, service)
                    await_ready(home, service, process)
                only = next(iter(opened)) if name else ""
                talk.say(f"notebooks: {notebook_address(home, port, only)}  (Ctrl-C ends)")
                talk.say("  no login: the key in the address is yours alone; outputs are not stored in the files")
                raise ended(home, NAME, process.wait())
            finally:
                stop(home, [NAME])


def run_notebooks(home: Home, settings: StackSettings, talk: Talk, name: str | None = None) -> list[Path]:
    """Run a notebook, or all, without a browser; returns the pages. Raises NotebookFailed for the first that failed."""
    chosen = _chosen(name)
    _require_reader(home, settings)
    programs = open_environment(home, ENVIRONMENT, talk)
    folder = pages_folder(home)
    with _read_warehouse(home, settings, talk) as reader_url:
        results = list(_results(home, programs, reader_url, [str(folder), *map(str, chosen.values())], talk))
    failed = [one for one in results if "error" in one]
    if failed:
        raise _failure(failed)
    return [folder / f"{one['name']}.html" for one in results]


def _chosen(name: str | None) -> dict[str, Path]:
    """The notebook of that name, with or without `.py`, or all. Raises ConfigurationError for one that is not there."""
    known = notebook_files()
    if name is None:
        return known
    wanted = name.removesuffix(".py").rpartition("/")[2]
    if wanted not in known:
        raise ConfigurationError(f"there is no notebook {name!r}", remedy=f"use one of: {', '.join(known)}")
    return {wanted: known[wanted]}


def _require_reader(home: Home, settings: StackSettings) -> None:
    """Raise SettingMissing for a warehouse of the user's own whose reader is not known, before anything is started."""
    if settings.database_url is not None:
        reader_address(home, settings)


@contextmanager
def _read_warehouse(home: Home, settings: StackSettings, talk: Talk) -> Iterator[str]:
    """The address by which a notebook reads the warehouse, which runs meanwhile: never the owner's."""
    with warehouse(home, settings, talk) as database_url:
        with connect(database_url) as conn:
            prepare_to_read(conn)  # the reader has its rights by then
        yield reader_address(home, settings)


def _results(home: Home, programs: Path, reader_url: str, arguments: list[str], talk: Talk) -> Iterator[dict[str, Any]]:
    """What became of each notebook, as it ends. Raises RetailError if the program ends without an answer for each."""
    log = home.logs / "notebooks.log"
    command = [str(programs / "python"), str(SERVING / "run.py"), *arguments]
    environment = notebook_environment(home, reader_url)
    left = len(arguments) - 1
    with (
        log.open("wb") as words,
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=words, text=True) as process,
    ):
        for line in process.stdout or ():
            one = json.loads(line)
            (talk.failed if "error" in one else talk.done)(one["name"], one["seconds"])
            left -= 1
            yield one
    if left:
        raise RetailError(f"the notebooks could not be run: {tail(log, 3)}", remedy=f"fix what the log names: {log}")


def _failure(failed: list[dict[str, Any]]) -> NotebookFailed:
    first, others = failed[0], [one["name"] for one in failed[1:]]
    return NotebookFailed(
        name=first["name"], cell=first["cell"], section=first["section"], reason=first["error"], others=others
    )
