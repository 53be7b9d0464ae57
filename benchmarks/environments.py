"""A virtual environment for each peer, made on first use from its lock and kept; one more draws pictures."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from medallion.errors import EngineUnavailable
from stack.host.logs import tail

LOCKS = Path(__file__).parent / "peers"


def python_of(folder: Path, name: str) -> Path:
    """The interpreter of the environment that `peers/{name}.txt` locks. Raises EngineUnavailable."""
    lock = LOCKS / f"{name}.txt"
    place = folder / "environments" / name
    stamp, python = place / "stamp", place / "bin" / "python"
    wanted = f"{sys.version} {hashlib.sha256(lock.read_bytes()).hexdigest()}\n"
    if python.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    _make(place, lock)
    stamp.write_text(wanted, encoding="utf-8")  # last: an environment half made does not count
    return python


def draw(figures: Path, picture: Path) -> None:
    """Draw the curve of a JSON file of `flat_in_history`. Raises EngineUnavailable without what draws."""
    python = python_of(Path.home() / ".cache" / "retail-bench", "picture")
    program = Path(__file__).parent / "programs" / "draw_curve.py"
    subprocess.run([str(python), str(program), str(figures), str(picture)], check=True)


def _make(place: Path, lock: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    log = place.parent / f"{place.name}.log"
    # The lock names every package: nothing is left for pip to resolve. Its index and proxy are those the user set.
    install = ("-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "-r", str(lock))
    with log.open("wb") as words:
        for command in ([sys.executable, "-m", "venv", str(place)], [str(place / "bin" / "python"), *install]):
            done = subprocess.run(command, stdout=words, stderr=words, stdin=subprocess.DEVNULL, check=False)
            if done.returncode != 0:
                raise EngineUnavailable(
                    f"{place.name} cannot be installed: {tail(log, 3)}",
                    remedy=f"fix the cause (often the network), then start again; log: {log}",
                )
