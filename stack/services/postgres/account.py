"""Under whose name Postgres runs: it refuses to run as root.

As an ordinary user it is that user. As root it is a system account that owns nothing else of ours. The tempting
other way, creating an account of our own, would change the machine behind its owner's back.
"""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medallion.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

_CANDIDATES = ("postgres", "nobody")
_OF_THE_LOADER = ("PATH", "LD_LIBRARY_PATH", "LD_PRELOAD")


@dataclass(frozen=True)
class Account:
    """Who a process runs as; `switch` says that it is somebody else than we are."""

    name: str
    uid: int
    gid: int
    switch: bool

    def popen_options(self) -> dict[str, Any]:
        """What `subprocess` needs to start a process under this account."""
        if not self.switch:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Hand `path` over to the account."""
        if self.switch:
            os.chown(path, self.uid, self.gid)

    def can_run(self, program: Path) -> bool:
        """Whether the account reaches and may start `program`."""
        return self._test("-x", program)

    def can_enter(self, folder: Path) -> bool:
        """Whether the account reaches `folder`, that is, may pass through all its parents."""
        return self._test("-x", folder) and self._test("-d", folder)

    def _test(self, question: str, path: Path) -> bool:
        command = ["/bin/sh", "-c", 'test "$1" "$2"', "sh", question, str(path)]
        options = {"cwd": "/", "env": bare_environment(), **self.popen_options()}
        return subprocess.run(command, check=False, **options).returncode == 0


def bare_environment() -> dict[str, str]:
    """What Postgres' programs are told: nothing of ours, and no secret, but what the loader needs.

    That includes a shifted clock (libfaketime): a warehouse at another date than its pipeline would be no test.
    """
    kept = {name: value for name, value in os.environ.items() if name in _OF_THE_LOADER or name[:8] == "FAKETIME"}
    return kept | {"LC_ALL": "C"}


def postgres_account(preferred: str | None = None, owner_uid: int | None = None) -> Account:
    """The account for Postgres. As root: the owner of what is there already, the preferred one, or a system one.

    Raises ConfigurationError when there is none.
    """
    if os.geteuid() != 0:
        return Account(_name(os.geteuid()), os.geteuid(), os.getegid(), switch=False)
    if owner_uid:
        return _account(pwd.getpwuid(owner_uid))
    for name in (preferred,) if preferred else _CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return _account(entry)
    raise ConfigurationError(
        f"no account to run Postgres under: {preferred or ' and '.join(_CANDIDATES)} cannot serve",
        remedy="set POSTGRES_ACCOUNT to an account that exists and is not root, or do not run as root",
    )


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, switch=True)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
