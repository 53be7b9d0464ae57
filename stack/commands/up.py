"""`./retail up`: the complete platform in the foreground, a line per service; and `down`, which ends it."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import psutil

from medallion.errors import RetailError, ServiceFailed
from medallion.settings import CONNECTION_FILE
from stack.commands.last_report import save_before_stop
from stack.commands.run import SCHEDULING, prepare
from stack.host.home import write_private
from stack.host.interrupts import raise_if_told, uninterrupted
from stack.services import source_api as source
from stack.services.airflow.metadata import Metadata
from stack.services.airflow.pools import BACKFILL, set_pool
from stack.services.airflow.service import DAG_ID, USER, airflow_environment, airflow_services, write_password
from stack.services.portal import ADDRESS_VARIABLE, portal_service
from stack.services.portal import NAME as PORTAL
from stack.services.ports import HOST, choose_port
from stack.services.processes import await_ready, ended, forget_ended, running, start, stop
from stack.services.warehouse import platform, postgres_server, stop_everything

if TYPE_CHECKING:
    import subprocess

    from stack.host.console import Talk
    from stack.host.home import Home
    from stack.host.settings import StackSettings
    from stack.services.endpoints import Endpoints
    from stack.services.processes import Service

_WATCH_SECONDS = 1.0
_FOREGROUND = ("run", "up", "docs", "superset", "pgadmin", "notebook", "backfill")
_PORTAL_SECONDS = 30.0  # a server that cannot start must not be started every second
_HEALTHY_SECONDS = 120
_DOWN_SECONDS = 90
_JOBS = frozenset({"SchedulerJob", "DagProcessorJob"})


@dataclass(frozen=True)
class Stopped:
    """What `down` ended: commands in the foreground, and services."""

    commands: tuple[str, ...]
    services: tuple[str, ...]


def run_platform(home: Home, settings: StackSettings, talk: Talk) -> None:
    """Serve until stopped. When a service dies, stops everything and raises ServiceFailed."""
    with home.try_locked("up") as mine:
        if not mine:
            raise RetailError(
                f"the platform is up already (process {home.holder('up')})",
                remedy="./retail status shows its addresses, ./retail down ends it",
                why="one command of its kind at a time may work in a RETAIL_HOME",
            )
        with platform(home, settings, talk) as endpoints:
            metadata = Metadata(endpoints.airflow_database_url)
            services: list[Service] = []
            try:
                portal, address = _start_portal(home, settings, endpoints, talk)  # first: it shows the rest starting
                environment = airflow_environment(home, settings, endpoints) | {ADDRESS_VARIABLE: address}
                prepare(home, endpoints, environment, metadata, talk)
                password = write_password(home)
                services += airflow_services(environment, endpoints.airflow_port)
                processes = _start_airflow(home, services, metadata, talk)
                _set_pool(settings, endpoints, password)
                write_connection(home, endpoints)
                for line in addresses(home, settings, endpoints, password, address):
                    talk.say(line)
                _watch(home, settings, processes, portal, talk)
            finally:
                with uninterrupted():
                    (home.path / CONNECTION_FILE).unlink(missing_ok=True)
                    talk.say("stopping …")
                    now = datetime.now(timezone.utc)
                    save_before_stop(home, endpoints.database_url, now, endpoints.airflow_database_url)
                    stop(home, [service.name for service in services])
                    stop(home, [PORTAL])  # last: until then it shows what ends


def stop_platform(home: Home, settings: StackSettings) -> Stopped:
    """End every command in the foreground and every service of this RETAIL_HOME, if any runs."""
    commands = tuple(name for name in _FOREGROUND if _end_command(home, name))
    with home.locked("starting"):
        stopped = tuple(stop_everything(home, settings))
        forget_ended(home)
    return Stopped(commands, stopped)


def write_connection(home: Home, endpoints: Endpoints) -> None:
    """Write addresses and credentials to the file where a step started by hand finds them."""
    quoted = (f"{name}='{_escaped(value)}'" for name, value in endpoints.connection().items())
    write_private(home.path / CONNECTION_FILE, "\n".join(quoted) + "\n")


def addresses(home: Home, settings: StackSettings, endpoints: Endpoints, password: str, portal: str) -> list[str]:
    """One line per service: its address, and how to log in."""
    airflow = f"http://127.0.0.1:{endpoints.airflow_port}"
    warehouse = "as DATABASE_URL says" if settings.database_url else "embedded, 127.0.0.1:" + _port(endpoints)
    return [
        "",
        f"  Start page   {portal}",
        f"  Sales report {portal}/report",
        f"  Airflow      {airflow}  (user {USER}, password {password})",
        f"  Warehouse    {warehouse}  (./retail psql)",
        f"  SQL client   {endpoints.reader_url or 'any login that may read Gold'}",
        f"  Source API   {endpoints.source_api_url}/docs  (key in {home.path / CONNECTION_FILE})",
        f"  Bronze       {endpoints.bronze_url}",
        f"  Logs         {home.logs}",
        "",
        "  ready. Ctrl-C or ./retail down ends everything; ./retail run starts a run now",
    ]


def _start_airflow(
    home: Home, services: list[Service], metadata: Metadata, talk: Talk
) -> dict[str, subprocess.Popen[bytes]]:
    """Start Airflow's processes and wait until all have sent a heartbeat and the DAG was read."""
    if pid := home.holder("run"):
        talk.say(f"waiting for ./retail run (process {pid}) to end: a scheduler would take its tasks over")
    with home.locked(SCHEDULING), talk.step("Airflow"):
        since = datetime.now(timezone.utc)
        processes: dict[str, subprocess.Popen[bytes]] = {}
        for service in services:  # the API server first: a task fails without it
            processes[service.name] = start(home, service)
            await_ready(home, service, processes[service.name])
        deadline = time.monotonic() + _HEALTHY_SECONDS
        while not (metadata.beating(since) >= _JOBS and metadata.parsed(DAG_ID, since)):
            _check(home, processes)
            if time.monotonic() > deadline:
                why = metadata.import_error() or "no error"
                raise ServiceFailed(
                    f"Airflow did not read the DAG within {_HEALTHY_SECONDS} s: {why}",
                    remedy=f"see airflow-*.log in {home.logs}",
                )
            time.sleep(0.25)
    return processes


def _start_portal(home: Home, settings: StackSettings, endpoints: Endpoints, talk: Talk) -> tuple[Service, str]:
    """Start the server of the start page, as the reader of the warehouse; returns it and its address."""
    with home.locked("starting"):
        port = choose_port(home, settings, "portal_port")
    service, address = portal_service(home, settings, endpoints, port), f"http://{HOST}:{port}"
    with talk.step("Start page"):
        await_ready(home, service, start(home, service))
    talk.say(f"  {address} shows what is starting")
    return service, address


def keep_portal(home: Home, service: Service, talk: Talk) -> None:
    """Start the server of the start page again if it has ended: the hourly runs do not need it."""
    if not running(home, service.name):
        talk.warn(f"the server of the start page has ended and is started again (log: {home.logs}/{service.name}.log)")
        start(home, service)


def _set_pool(settings: StackSettings, endpoints: Endpoints, password: str) -> None:
    """Set the pool of the backfill to as many slots as BACKFILL_JOBS says."""
    address = f"http://{HOST}:{endpoints.airflow_port}"
    words = "ranges of a backfill in parallel (BACKFILL_JOBS)"
    set_pool(address, password, BACKFILL, settings.backfill_jobs, words)


def _watch(
    home: Home, settings: StackSettings, processes: dict[str, subprocess.Popen[bytes]], portal: Service, talk: Talk
) -> None:
    """Watch the services. Never returns; raises when a service has died that the hourly runs need."""
    server = None if settings.database_url else postgres_server(home, settings)
    portal_due = 0.0
    while True:
        time.sleep(_WATCH_SECONDS)
        _check(home, processes)
        if time.monotonic() > portal_due:
            keep_portal(home, portal, talk)
            portal_due = time.monotonic() + _PORTAL_SECONDS
        if settings.source_api_url is None and not running(home, source.NAME):
            raise ended(home, source.NAME, 1)
        if server is not None and server.running() is None:
            raise ended(home, "postgres", 1)


def _check(home: Home, processes: dict[str, subprocess.Popen[bytes]]) -> None:
    raise_if_told()
    for name, process in processes.items():
        if process.poll() is not None:
            raise ended(home, name, process.returncode)


def _end_command(home: Home, name: str) -> bool:
    """SIGTERM to the command that holds the lock `name`, and wait: it ends what it started."""
    pid = home.holder(name)
    if pid is None:
        return False
    process = psutil.Process(pid)
    process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + _DOWN_SECONDS
    while home.holder(name) == pid:
        if time.monotonic() > deadline:
            process.kill()
        time.sleep(0.1)
    return True


def _port(endpoints: Endpoints) -> str:
    return endpoints.database_url.rsplit("@", 1)[1].split(":")[1].split("/")[0]


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")
