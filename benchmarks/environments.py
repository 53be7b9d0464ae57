"""A virtual environment for each peer, made on first use from its lock and kept; one more draws pictures."""

from __future__ import annotations

import subprocess
from pathlib import Path

from medallion.errors import EngineUnavailable, ToolUnavailable
from stack.host.environments import prepare_environment

LOCKS = Path(__file__).parent / "peers"


def python_of(folder: Path, name: str) -> Path:
    """The interpreter of the environment that `peers/{name}.txt` locks. Raises EngineUnavailable."""
    try:
        return prepare_environment(folder / "environments" / name, LOCKS / f"{name}.txt") / "python"
    except ToolUnavailable as error:
        raise EngineUnavailable(error.message, remedy=error.remedy) from error


def draw(figures: Path, picture: Path) -> None:
    """Draw the curve of a JSON file of `flat_in_history`. Raises EngineUnavailable without what draws."""
    python = python_of(Path.home() / ".cache" / "retail-bench", "picture")
    program = Path(__file__).parent / "programs" / "draw_curve.py"
    subprocess.run([str(python), str(program), str(figures), str(picture)], check=True)
