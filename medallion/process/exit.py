"""How a process of ours ends when its work is done."""

from __future__ import annotations

import atexit
import gc


def skip_gc_at_exit() -> None:
    """Leave this process's memory to the system when it ends, which else is walked and freed object by object.

    What is registered to run at the end runs, and the standard streams are flushed. A file that is left open in a cycle
    of objects is not: close files where they are opened.
    """
    atexit.register(gc.freeze)
