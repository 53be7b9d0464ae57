"""Free ports for the tests."""

from __future__ import annotations

import os
import socket
from itertools import count, islice
from pathlib import Path

_FIRST = 20_000
_RANGE_OF_THE_SYSTEM = Path("/proc/sys/net/ipv4/ip_local_port_range")
_WORKERS = 8
_worker = int("".join(filter(str.isdigit, os.environ.get("PYTEST_XDIST_WORKER", ""))) or 0) % _WORKERS
_candidates = count(int.from_bytes(os.urandom(2), "big"))  # two runs of the suite at once hardly ever meet


def free_port() -> int:
    """A port that nobody listens on, and that nobody gets by chance until a test uses it.

    The system gives the ports of its own range to any connection: a port from there may be taken seconds later. So this
    one is from below that range, and from the part of this pytest worker.
    """
    size = (_system_range_begins() - _FIRST) // _WORKERS
    for candidate in islice(_candidates, size):
        port = _FIRST + _worker * size + candidate % size
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError(f"no port is free from {_FIRST} to {_FIRST + size}")


def _system_range_begins() -> int:
    try:
        return int(_RANGE_OF_THE_SYSTEM.read_text(encoding="ascii").split()[0])
    except OSError:
        return 49_152  # macOS
