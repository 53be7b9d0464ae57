"""The column lineage of dbt's models, as one page next to dbt's own: made by dbt-colibri from manifest and catalog.

It reads each model as a build from the beginning compiles it: the SQL of an increment also reads change logs, which are
no models. Colibri has an environment of its own. Its page may ask no other address: by default it would report that it
is used. A policy in the page forbids it, whatever the page does.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from medallion.errors import RetailError, ToolUnavailable
from medallion.foreign_text import one_line
from stack.host.environments import open_environment
from stack.host.logs import run_into, tail

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from stack.host.console import Talk
    from stack.host.home import Home

LINEAGE = "lineage"  # the folder in the site of the documentation
_TOOL = "colibri"
_SECONDS = 300
# By default it asks PyPI for a newer version of itself, and counts its users.
_SILENT = {"DBT_COLIBRI_NO_VERSION_CHECK": "1", "DISABLE_COLIBRI_TELEMETRY": "1", "DO_NOT_TRACK": "1"}
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ")
_LONGEST = 300
_POLICY = (
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
    "script-src 'unsafe-inline' 'unsafe-eval' blob:; worker-src blob:; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; connect-src data: blob:; form-action 'none'\">"
)


def write_lineage(home: Home, site: Path, talk: Talk, compile_models: Callable[[Path], None]) -> bool:
    """Write the page to the site; False, with a warning, when that fails: the documentation is there without it.

    `compile_models` has dbt compile all models for a build from the beginning, into a folder. It raises RetailError.
    """
    folder = site / LINEAGE
    shutil.rmtree(folder, ignore_errors=True)  # of an earlier warehouse
    try:
        programs = open_environment(home, _TOOL, talk)
        with talk.step("column lineage"):
            compiled = home.path / "dbt" / LINEAGE
            compile_models(compiled)
            inputs = ("--manifest", str(compiled / "manifest.json"), "--catalog", str(site / "catalog.json"))
            _generate(home, programs / _TOOL, inputs, folder)
    except RetailError as error:
        talk.warn(f"no column lineage: {error}")
        shutil.rmtree(folder, ignore_errors=True)
        return False
    return True


def _generate(home: Home, program: Path, inputs: tuple[str, ...], folder: Path) -> None:
    """Run colibri. Raises ToolUnavailable when there is no page at its end."""
    log = home.logs / "colibri.log"
    command = [str(program), "generate", *inputs, "--output-dir", str(folder), "--light", "--disable-telemetry"]
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ} | _SILENT
    try:
        if not run_into(log, command, environment, home.path, seconds=_SECONDS):
            raise _unavailable(one_line(tail(log, 3), _LONGEST), log)
        seal(folder / "index.html")
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise _unavailable(str(error), log) from error


def _unavailable(why: str, log: Path) -> ToolUnavailable:
    return ToolUnavailable(f"colibri ended without a page: {why}", remedy=f"fix what its log names: {log}")


def seal(page: Path) -> None:
    """Forbid the page every address but its own. Raises OSError, ValueError for a page that cannot be sealed."""
    before, head, after = page.read_text(encoding="utf-8").partition("<head>")
    if not head:
        raise ValueError("the page has no <head> for its policy")
    page.write_text(f"{before}{head}{_POLICY}{after}", encoding="utf-8")
