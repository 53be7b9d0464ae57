"""What machine it was: a figure without one says nothing."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Machine:
    """The parts that decide. `load_before` is the one-minute load average when the comparison began."""

    processor: str
    cores: int
    memory_bytes: int
    system: str
    python: str
    load_before: float

    def line(self) -> str:
        """One line for a person."""
        memory = self.memory_bytes / 2**30
        return (
            f"{self.processor}, {self.cores} cores, {memory:.0f} GiB, {self.system}, Python {self.python}, "
            f"load {self.load_before:.1f} before"
        )


def describe() -> Machine:
    """This machine, now."""
    return Machine(
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory_bytes=psutil.virtual_memory().total,
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=platform.python_version(),
        load_before=round(os.getloadavg()[0], 2),
    )


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return " ".join(line.partition(":")[2].split())
    return platform.processor() or platform.machine()
