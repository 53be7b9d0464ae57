"""The choice of a service's port: a default that is taken gives way to the next free number, a named port does not.

The default is used again once it is free. The choice is remembered under RETAIL_HOME, so that other commands find a
running service; while it runs, no command chooses again.

A service listens seconds after its port was chosen. Until then a claim keeps the platforms of other folders away: the
UDP port of the same number, which the kernel gives to one process alone and takes back when that process dies.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, get_args

from medallion.errors import ConfigurationError
from stack.host.settings import PortName

if TYPE_CHECKING:
    from stack.host.home import Home
    from stack.host.settings import StackSettings

HOST = "127.0.0.1"
_LAST = 65_535
_claims: dict[int, socket.socket] = {}  # held until this process ends


def choose_port(home: Home, settings: StackSettings, name: PortName) -> int:
    """A free port for `name`, remembered. Raises ConfigurationError when a port set by the user is taken."""
    wanted = int(getattr(settings, name))
    if settings.is_explicit(name):
        if not is_free(wanted):
            raise port_taken(name, wanted)
        port = wanted
        _claim(port)
    else:
        port = next_port(home, settings, name)
        while not _claim(port):  # another platform was faster
            port = next_port(home, settings, name)
    home.remember("ports", (home.recall("ports") or {}) | {name: port})
    return port


def next_port(home: Home, settings: StackSettings, name: PortName) -> int:
    """The default of `name` if it is free, else the next free number that is no other service's."""
    default = int(getattr(settings, name))
    others: list[PortName] = [other for other in get_args(PortName) if other != name]
    named = {int(getattr(settings, other)) for other in others if settings.is_explicit(other)}
    if default not in named and _may_be_claimed(default):
        return default
    spared = {int(getattr(settings, other)) for other in others} | {remembered_port(home, other) for other in others}
    candidates = (port for port in range(default + 1, _LAST + 1) if port not in spared and _may_be_claimed(port))
    return next(candidates, None) or any_free()


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


def _may_be_claimed(port: int) -> bool:
    """Whether a server could listen there, and no other process is about to."""
    is_ours = port in _claims
    found = is_free(port) and _claim(port)
    if found and not is_ours:
        _claims.pop(port).close()
    return found


def _claim(port: int) -> bool:
    """Claim a port until this process ends; False when another process has claimed it."""
    if port not in _claims:
        claim = socket.socket(type=socket.SOCK_DGRAM)
        try:
            claim.bind((HOST, port))
        except OSError:
            claim.close()
            return False
        _claims[port] = claim
    return True


def any_free() -> int:
    """A port on which no program listens at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
