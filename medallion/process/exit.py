"""The end of a process of the platform when its work is done."""

from __future__ import annotations

import atexit
import gc


def skip_gc_at_exit() -> None:
    """Leave this process's memory to the system at exit, instead of freeing it object by object.

    Registered exit handlers run, and the standard streams are flushed. A file that is left open in a cycle of objects
    is not flushed: close files where they are opened.
    """
    atexit.register(gc.freeze)
