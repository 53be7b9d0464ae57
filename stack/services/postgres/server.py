"""The embedded Postgres: any folder of PostgreSQL programs, run as a server of the platform.

The platform calls `initdb` and `postgres` itself: SCRAM for every connection, generated passwords, checksums, loopback
only, fsync on. The server runs in its own session, so neither Ctrl-C in the terminal nor the end of the command ends
it; `stop` is a fast shutdown. Each step is idempotent: a running server is reused, a stale pid file is recognized, an
`initdb` that did not finish is run again.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from medallion.errors import ConfigurationError, DatabaseError, PortInUse
from medallion.private_files import PRIVATE_FILE
from stack.host.interrupts import uninterrupted
from stack.host.logs import tail
from stack.services.ports import is_free
from stack.services.postgres.account import bare_environment

if TYPE_CHECKING:
    from stack.services.postgres.files import PostgresFiles

SUPERUSER = "postgres"
READY_SECONDS = 300  # recovery after a crash replays the log, which may take long and must not be cut short
STOP_SECONDS = 60
_PID_FILE_READY_LINE = 7
_LONGEST_SOCKET_PATH = 100
_CONFIGURATION = """\
# Written by ./retail at each start of the server: changes here are lost.
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{sockets}'
unix_socket_permissions = 0700
max_connections = 100
shared_buffers = 256MB
work_mem = 32MB
maintenance_work_mem = 128MB
max_wal_size = 4GB
random_page_cost = 1.1
checkpoint_timeout = 15min
jit = off
password_encryption = scram-sha-256
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %q%u@%d %a '
"""


@dataclass(frozen=True)
class RunningPostgres:
    """A server that answers: its process and its port."""

    pid: int
    port: int


@dataclass(frozen=True)
class PostgresServer:
    """One data directory and how to serve it. `password` is the superuser's."""

    files: PostgresFiles
    password: str
    log: Path

    def url(self, port: int, database: str = "postgres") -> str:
        """Address for administration, as the superuser."""
        return f"postgresql://{SUPERUSER}:{self.password}@127.0.0.1:{port}/{database}"

    def running(self) -> RunningPostgres | None:
        """The server on this data directory, if one runs."""
        lines = self._pid_file()
        if len(lines) <= _PID_FILE_READY_LINE or not self._is_ours(int(lines[0])):
            return None
        return RunningPostgres(int(lines[0]), int(lines[3])) if lines[3].isdigit() else None

    def start(self, port: int) -> RunningPostgres:
        """Serve on `port` and return once connections are accepted; a running server is reused as it is.

        Raises PortInUse, ConfigurationError (the data belongs to another major version) or DatabaseError.
        """
        if found := self.running():
            return self._await_ready(found.pid, None)
        self._initialise()
        self._configure(port)
        self._remove_stale_pid_file()
        process = None
        try:
            with uninterrupted():
                process = self._launch()
            return self._await_ready(process.pid, process, port)
        except BaseException:
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.wait()
            raise

    def stop(self) -> bool:
        """Fast shutdown: sessions are ended, data is checkpointed. Returns whether there was a server."""
        found = self.running()
        if found is None:
            return False
        process = psutil.Process(found.pid)
        for how, patience in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 10), (signal.SIGKILL, 10)):
            try:
                process.send_signal(how)
                process.wait(patience)
            except psutil.NoSuchProcess:
                return True
            except psutil.TimeoutExpired:
                continue
            return True
        return True

    # ---------------------------------------------------------------- a data directory

    def _initialise(self) -> None:
        """Create the data directory. It appears under its name only once it is complete."""
        data = self.files.data
        if data.is_dir():
            self._check_version()
            return
        for leftover in self.files.root.glob("initdb-*"):
            shutil.rmtree(leftover)
        draft = self.files.root / f"initdb-{os.getpid()}"
        self._run_initdb(draft)
        with (draft / "postgresql.conf").open("a", encoding="utf-8") as stream:
            stream.write("\ninclude 'retail.conf'\n")
        draft.rename(data)

    def _run_initdb(self, folder: Path) -> None:
        with tempfile.NamedTemporaryFile("w", dir=self.files.root, prefix="initdb-pw-") as secret:
            secret.write(self.password)
            secret.flush()
            Path(secret.name).chmod(PRIVATE_FILE)
            self.files.account.own(Path(secret.name))
            command = [
                *(self.files.program("initdb"), "-D", str(folder), "-U", SUPERUSER),
                *("--auth=scram-sha-256", f"--pwfile={secret.name}", "--encoding=UTF8", "--data-checksums"),
                # Sorts and compares the same on every machine: the C library's locales differ between systems.
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
            ]
            done = subprocess.run(command, check=False, capture_output=True, text=True, **self._surroundings())
        if done.returncode != 0:
            shutil.rmtree(folder, ignore_errors=True)
            raise DatabaseError(
                f"initdb could not create {self.files.data}: {_last_line(done.stderr)}",
                remedy=f"fix the cause (space? permissions of {self.files.root}?) and start again",
            )

    def _check_version(self) -> None:
        found = (self.files.data / "PG_VERSION").read_text(encoding="ascii").strip()
        if found != str(self.files.major):
            raise ConfigurationError(
                f"{self.files.data} was made by PostgreSQL {found}, the programs are version {self.files.major}",
                remedy=f"set POSTGRES_BIN to PostgreSQL {found}, or set RETAIL_HOME to start with empty data",
            )

    def _configure(self, port: int) -> None:
        sockets = self.files.root / "sockets"
        sockets.mkdir(mode=0o700, exist_ok=True)
        self.files.account.own(sockets)
        used = str(sockets).replace("'", "''") if len(str(sockets)) < _LONGEST_SOCKET_PATH else ""
        file = self.files.data / "retail.conf"
        file.write_text(_CONFIGURATION.format(port=port, sockets=used), encoding="utf-8")
        self.files.account.own(file)

    # ---------------------------------------------------------------- a process

    def _launch(self) -> subprocess.Popen[bytes]:
        command = [self.files.program("postgres"), "-D", str(self.files.data)]
        with self.log.open("ab") as output:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                **self._surroundings(),
            )

    def _surroundings(self) -> dict[str, Any]:
        """Account, folder and environment of Postgres' programs."""
        return {"cwd": "/", "env": bare_environment(), **self.files.account.popen_options()}

    def _await_ready(
        self, pid: int, process: subprocess.Popen[bytes] | None, port: int | None = None
    ) -> RunningPostgres:
        """Wait until the server's pid file says ready, which Postgres writes after recovery."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            lines = self._pid_file()
            ready = len(lines) > _PID_FILE_READY_LINE and lines[_PID_FILE_READY_LINE].strip() == "ready"
            if ready and int(lines[0]) == pid:
                return RunningPostgres(pid, int(lines[3]))
            if (process and process.poll() is not None) or not psutil.pid_exists(pid):
                raise self._did_not_start(port)
            time.sleep(0.02)
        raise DatabaseError(
            f"Postgres on {self.files.data} was not ready after {READY_SECONDS} s",
            remedy=f"it may still be recovering: look at {self.log}, then start again",
        )

    def _did_not_start(self, port: int | None) -> DatabaseError | PortInUse:
        if port is not None and not is_free(port):
            return PortInUse()
        return DatabaseError(
            f"Postgres on {self.files.data} did not start; the end of its log:\n{tail(self.log, 15)}",
            remedy=f"fix what the log names, then start again (whole log: {self.log})",
        )

    def _pid_file(self) -> list[str]:
        try:
            return (self.files.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except (FileNotFoundError, NotADirectoryError):
            return []

    def _is_ours(self, pid: int) -> bool:
        """Whether that process is a Postgres on this data directory, and not another one that reuses its number."""
        try:
            process = psutil.Process(pid)
            return process.status() != psutil.STATUS_ZOMBIE and str(self.files.data) in process.cmdline()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False

    def _remove_stale_pid_file(self) -> None:
        """Remove the pid file of a killed server, after its orphans have ended: they hold its shared memory."""
        if not self._pid_file():
            return
        deadline = time.monotonic() + 10
        while self._orphans() and time.monotonic() < deadline:
            time.sleep(0.1)
        (self.files.data / "postmaster.pid").unlink(missing_ok=True)

    def _orphans(self) -> list[int]:
        """Server processes without their parent: they work inside the data directory, and end by themselves."""
        found = []
        for process in psutil.process_iter(["name"]):
            try:
                if process.info["name"] == "postgres" and process.cwd() == str(self.files.data.resolve()):
                    found.append(process.pid)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return found


def _last_line(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
