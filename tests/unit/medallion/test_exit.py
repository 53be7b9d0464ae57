"""A process that does not tidy up its memory loses nothing that it was told to write."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from medallion.settings import PROJECT_ROOT

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import atexit, gc, logging, logging.handlers, sys
from medallion.process.exit import skip_gc_at_exit

skip_gc_at_exit()
atexit.register(print, "registered")
target = logging.FileHandler(sys.argv[1])
logging.getLogger().addHandler(logging.handlers.MemoryHandler(100, target=target))
logging.getLogger().warning("logged")


class Tidied:
    def __init__(self):
        self.itself = self

    def __del__(self):
        print("tidied up")


one = Tidied()
print("printed", end=" ")
sys.exit(7)
"""


def test_what_was_printed_logged_and_registered_is_there_and_nothing_is_tidied_up(tmp_path: Path) -> None:
    log = tmp_path / "log"
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(log)], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (7, "printed registered\n", "")
    assert log.read_text() == "logged\n"
