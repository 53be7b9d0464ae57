"""The account under which Postgres runs, as it refuses to run as root.

For an ordinary user it is that user. For root it is a system account that owns nothing else of the platform. The
tempting alternative, creating an account, would change the machine without its owner's consent.
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
    """The account that a process runs under; `switch` says that it is not the current one."""

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
    """The environment of Postgres' programs: no settings of the platform and no secrets, only what the loader needs.

    That includes a shifted clock (libfaketime): a test needs the warehouse at the same date as its pipeline.
    """
    kept = {name: value for name, value in os.environ.items() if name in _OF_THE_LOADER or name[:8] == "FAKETIME"}
    return kept | {"LC_ALL": "C"}


def postgres_account(preferred: str | None = None, owner_uid: int | None = None) -> Account:
    """The account for Postgres. For root: the owner of existing data, the preferred account, or a system account.

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
