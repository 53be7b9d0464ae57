"""`./retail doctor`: checks each part that a run needs by itself; every line that is not ok says what to do."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import psutil

from ingestion.deliveries.inbox import Inbox
from medallion.database import connect
from medallion.entities.registry import DELIVERED
from medallion.errors import ConfigurationError, InboxUnreadable, RetailError
from medallion.settings import PROJECT_ROOT
from medallion.wording import counted
from stack.commands.doctor_warehouse import examine_warehouse
from stack.commands.finding import Finding
from stack.commands.tools import dbt_environment, find_program, run_dbt
from stack.host.environments import is_current, known_environments
from stack.services.ports import is_free, next_port, remembered_port
from stack.services.postgres.files import major_version, place_postgres
from stack.services.processes import answers, running
from stack.services.source_api import NAME as SOURCE
from stack.services.warehouse import logins, postgres_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rich.console import Console

    from stack.host.home import Home
    from stack.host.settings import PortName, StackSettings

_LEAST_FREE_BYTES = 2_000_000_000
_LEAST_MEMORY_BYTES = 4_000_000_000
_PORTS: tuple[tuple[PortName, str], ...] = (
    ("postgres_port", "postgres"),
    ("api_port", SOURCE),
    ("airflow_port", "airflow-api-server"),
    ("portal_port", "portal"),
    ("docs_port", "docs"),
    ("superset_port", "superset"),
    ("pgadmin_port", "pgadmin"),
    ("notebook_port", "notebook"),
)


def examine(home: Home, settings: StackSettings) -> Iterator[Finding]:
    """Every check, in the order in which a start needs the parts."""
    yield _python()
    yield _platform()
    yield check_lock(PROJECT_ROOT / "requirements.txt")
    yield check_environments(home)
    yield _memory()
    yield _disk(home)
    yield _caught("postgres programs", "ok", lambda: _programs(home, settings))
    yield _caught("psql", "warn", lambda: find_program(settings, "psql"))
    for name, service in _PORTS:
        yield check_port(home, settings, name, service)
    yield from _warehouse(home, settings)
    yield _source(home, settings)
    yield check_inbox(settings)
    yield _caught("dbt project", "fail", lambda: _dbt(home))


def check_lock(lock: Path) -> Finding:
    """Whether the packages that the lock names are installed in the versions it names."""
    wrong = []
    for line in lock.read_text(encoding="utf-8").splitlines():
        requirement = line.removesuffix("\\").strip()
        if "==" not in line or line.startswith((" ", "#")) or ";" in requirement:
            continue
        name, wanted = requirement.split("==")
        try:
            found = version(name.split("[")[0])
        except PackageNotFoundError:
            found = "missing"
        if found != wanted:
            wrong.append(f"{name} {found}, locked {wanted}")
    if wrong:
        return Finding("packages", "warn", "; ".join(wrong[:3]), "rm -rf .venv, then ./retail installs the lock again")
    return Finding("packages", "ok", "as locked in requirements.txt")


def check_environments(home: Home) -> Finding:
    """Whether the environments of tools that are made are of their locks; one that is not is made again when used."""
    made = {name: current for name in known_environments(home) if (current := is_current(home, name)) is not None}
    outdated = [name for name, current in made.items() if not current]
    if outdated:
        remedy = f"./retail env remove {' '.join(outdated)}; their next use, or env make, needs the network"
        return Finding("environments", "warn", f"out of date: {', '.join(outdated)}", remedy)
    return Finding("environments", "ok", f"up to date: {', '.join(made)}" if made else "none is made yet")


def check_port(home: Home, settings: StackSettings, name: PortName, service: str) -> Finding:
    """Whether `service` can listen, or listens, on its port; which one a start would choose instead."""
    wanted = int(getattr(settings, name))
    if _is_ours(home, settings, service):
        return Finding(name, "ok", f"{remembered_port(home, name) or wanted} in use by this platform")
    if settings.is_explicit(name) and not is_free(wanted):
        remedy = f"end the other program, or set {name.upper()} to a free port"
        return Finding(name, "fail", f"{wanted} is taken{_by(wanted)}", remedy)
    chosen = wanted if settings.is_explicit(name) else next_port(home, settings, name)
    if chosen == wanted:
        return Finding(name, "ok", f"{wanted} free")
    why = "set for another service" if is_free(wanted) else f"taken{_by(wanted)}"
    remedy = f"to have {wanted}, free it; to have another one, set {name.upper()}"
    return Finding(name, "warn", f"{wanted} is {why}: {chosen} would be used", remedy)


def _by(port: int) -> str:
    """Who listens on a port, where this account may know it."""
    with suppress(psutil.Error, OSError):
        for one in psutil.net_connections("tcp"):
            if one.status == psutil.CONN_LISTEN and one.pid and one.laddr and one.laddr[1] == port:
                return f" by {psutil.Process(one.pid).name()} (process {one.pid})"
    return ""


def print_finding(finding: Finding, console: Console) -> None:
    """Print the finding in one or two lines."""
    colour = {"ok": "green", "warn": "yellow", "fail": "red"}[finding.state]
    console.print(f"[{colour}]{finding.state:<4}[/]  {finding.name:<18}", end=" ")
    console.print(finding.found, markup=False)
    if finding.remedy:
        console.print(f"        do: {finding.remedy}", markup=False)


def _caught(name: str, state: str, check: Callable[[], str]) -> Finding:
    """The finding of a check; an error of the platform becomes a finding of state `state`."""
    try:
        return Finding(name, "ok", check())
    except RetailError as error:
        return Finding(name, "fail" if state == "ok" else state, error.message.splitlines()[0], error.remedy)


def _python() -> Finding:
    found = f"{platform.python_version()} ({sys.executable})"
    if (3, 10) <= sys.version_info[:2] <= (3, 13):
        return Finding("python", "ok", found)
    return Finding("python", "fail", found, "RETAIL_PYTHON=/path/to/python3.12 ./retail, after rm -rf .venv")


def _platform() -> Finding:
    found = f"{platform.system()} {platform.machine()}"
    if platform.system() in ("Linux", "Darwin"):
        return Finding("platform", "ok", found)
    return Finding("platform", "fail", found, "use Linux, macOS or WSL")


def _memory() -> Finding:
    total = psutil.virtual_memory().total
    found = f"{total / 1e9:.1f} GB"
    if total < _LEAST_MEMORY_BYTES:
        return Finding("memory", "warn", found, "./retail run needs about 2 GB, ./retail up about 3 GB")
    return Finding("memory", "ok", found)


def _disk(home: Home) -> Finding:
    free = shutil.disk_usage(home.path).free
    found = f"{free / 1e9:.1f} GB free in {home.path}"
    if free < _LEAST_FREE_BYTES:
        return Finding("disk", "warn", found, "free some space, or set RETAIL_HOME to a larger disk")
    return Finding("disk", "ok", found)


def _programs(home: Home, settings: StackSettings) -> str:
    if settings.database_url is not None:
        return "not needed: DATABASE_URL is set"
    files = place_postgres(home, settings)
    return f"PostgreSQL {major_version(files.binaries)} as {files.account.name}, data in {files.root}"


def _is_ours(home: Home, settings: StackSettings, service: str) -> bool:
    if service != "postgres":
        return running(home, service) is not None
    return settings.database_url is None and postgres_server(home, settings).running() is not None


def _warehouse(home: Home, settings: StackSettings) -> Iterator[Finding]:
    """Whether the warehouse answers, under which login, and what readers may do."""
    try:
        url = _warehouse_url(home, settings)
        if url is None:
            yield Finding("warehouse", "ok", "embedded, not running: ./retail run or ./retail up starts it")
            return
        with connect(url, application_name="retail doctor") as conn:
            version = conn.get_parameter_status("server_version")
            yield Finding("warehouse", "ok", f"answers, PostgreSQL {version}")
            yield from examine_warehouse(conn)
    except RetailError as error:
        yield Finding("warehouse", "fail", error.message.splitlines()[0], error.remedy)


def _warehouse_url(home: Home, settings: StackSettings) -> str | None:
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    found = postgres_server(home, settings).running()
    return logins(home)["retail"].url(found.port) if found else None


def _source(home: Home, settings: StackSettings) -> Finding:
    if settings.source_api_url is None and not running(home, SOURCE):
        return Finding("source API", "ok", "sample source, not running: ./retail run or ./retail up starts it")
    url = settings.source_api_url or f"http://127.0.0.1:{remembered_port(home, 'api_port')}"
    if answers(f"{url}/readyz"):
        return Finding("source API", "ok", f"{url} answers")
    return Finding(
        "source API", "fail", f"{url} does not answer", "check SOURCE_API_URL, or unset it to use the sample source"
    )


def check_inbox(settings: StackSettings) -> Finding:
    """Whether the inbox can be read, and a marked copy be written into it. One that is not there yet is empty."""
    waiting, folders = 0, list[str]()
    for entity in DELIVERED:
        try:
            inbox = Inbox.open(settings.inbox_location, entity, 0)
            waiting += len(inbox.look().ready)
            if inbox.is_there():
                folders.append(inbox.root)
        except (InboxUnreadable, ConfigurationError) as error:
            return Finding("inbox", "fail", error.message, error.remedy)
    closed = [one for one in folders if os.path.isdir(one) and not os.access(one, os.W_OK)]  # noqa: PTH112 - any URL
    if closed:
        return Finding("inbox", "warn", f"{closed[0]} cannot be written to", f"chmod u+w {closed[0]}")
    if not folders:
        return Finding("inbox", "ok", f"{settings.inbox_location} has no folder of an entity: no file has come yet")
    return Finding(
        "inbox", "ok", f"{settings.inbox_location}: {counted(waiting, 'file')} in {counted(len(folders), 'folder')}"
    )


def _dbt(home: Home) -> str:
    """Parse the dbt project, which needs a valid profile but no warehouse."""
    profile = {f"RETAIL_PG_{name}": "doctor" for name in ("HOST", "USER", "PASSWORD", "DATABASE")}
    environment = dbt_environment(home, {**profile, **os.environ})
    run_dbt(home, environment, "deps")
    run_dbt(home, environment, "parse")
    return "parses"
