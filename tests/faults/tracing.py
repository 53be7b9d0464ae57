"""strace as an injector: a chosen system call of a step fails, or is the last thing it does."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

TRACED = ("strace", "-f", "-qq", "-o", os.devnull)


def _may_trace() -> bool:
    """It may be installed and still be refused, as in most containers."""
    if shutil.which("strace") is None:
        return False
    return subprocess.run([*TRACED, "-e", "trace=none", "true"], check=False, capture_output=True).returncode == 0


NEEDS_STRACE = pytest.mark.skipif(
    not _may_trace(), reason="NOT TESTED: needs strace and the right to trace (Debian: apt install strace)"
)
