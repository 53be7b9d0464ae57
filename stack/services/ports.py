"""The choice of a service's port: a default that is taken is replaced, a port that the user named is not.

The choice is remembered under RETAIL_HOME, so that addresses stay the same from start to start and two checkouts do not
get in each other's way.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from medallion.errors import ConfigurationError

if TYPE_CHECKING:
    from stack.host.home import Home
    from stack.host.settings import PortName, StackSettings

HOST = "127.0.0.1"


def choose_port(home: Home, settings: StackSettings, name: PortName) -> int:
    """A free port for `name`, remembered. Raises ConfigurationError when a port set by the user is taken."""
    wanted = int(getattr(settings, name))
    if settings.is_explicit(name):
        if not is_free(wanted):
            raise port_taken(name, wanted)
        port = wanted
    else:
        candidates = (remembered_port(home, name), wanted)
        port = next((one for one in candidates if one and is_free(one)), None) or any_free()
    home.remember("ports", (home.recall("ports") or {}) | {name: port})
    return port


def remembered_port(home: Home, name: PortName) -> int | None:
    """The port that was chosen last; where a running service listens."""
    port = (home.recall("ports") or {}).get(name)
    return int(port) if port else None


def port_taken(name: str, port: int) -> ConfigurationError:
    """The error for a port that the user named and another program has taken."""
    variable = name.upper()
    return ConfigurationError(
        f"{variable}={port} is taken: another program listens on {HOST}:{port}",
        remedy=f"end that program, set {variable} to a free port, or unset it to have one chosen",
    )


def is_free(port: int) -> bool:
    """Whether a server could listen there now. A port that only lingers after a close counts as free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def any_free() -> int:
    """A port on which no program listens at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
