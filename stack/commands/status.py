"""`./retail status`: what runs, on which address, and how fresh the data is. It starts nothing."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime  # noqa: TC003 - msgspec reads the types at run time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from medallion.errors import DatabaseError
from medallion.foreign_text import escaped
from medallion.wording import age_of, minute_of
from stack.commands.last_report import LastReport, read_last_run, read_layers, save_report, saved_report
from stack.commands.layer_report import Report, print_report
from stack.services.airflow.metadata import DagRun  # noqa: TC001 - msgspec reads the types at run time
from stack.services.airflow.service import USER
from stack.services.notebook import NAME as NOTEBOOK
from stack.services.notebook import notebook_address
from stack.services.open_incidents import OpenIncident, kept_incidents, overdue, print_incidents, read_incidents
from stack.services.pgadmin import NAME as PGADMIN
from stack.services.pgadmin import pgadmin_address
from stack.services.portal import NAME as PORTAL
from stack.services.ports import HOST, remembered_port
from stack.services.processes import running
from stack.services.source_api import NAME as SOURCE
from stack.services.superset import NAME as SUPERSET
from stack.services.warehouse import logins, postgres_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from stack.host.home import Home
    from stack.host.settings import StackSettings

AIRFLOW_SERVICES = ("airflow-api-server", "airflow-scheduler", "airflow-dag-processor")


@dataclass(frozen=True)
class ServiceState:
    """One service. `state` is running, stopped or external (configured, not started by the platform)."""

    name: str
    state: str
    pid: int | None
    address: str | None


@dataclass(frozen=True)
class Status:
    """What runs and how fresh the data is. `report` is what the layers held at `read_at`, `last_run` the run before it.

    While the warehouse is stopped, they are those that a command saved last, or None if it never ran. `incidents` are
    the open ones, of a stopped warehouse those of the moment when it was stopped. They are None when it runs and does
    not answer, or never ran.
    """

    home: str
    services: tuple[ServiceState, ...]
    login: str | None
    last_run: DagRun | None
    report: Report | None
    note: str | None
    incidents: tuple[OpenIncident, ...] | None = None
    read_at: datetime | None = None

    def as_json(self) -> str:
        """The status as JSON; moments in RFC 3339."""
        content: dict[str, Any] = asdict(self)
        return json.dumps(content, indent=2, default=lambda moment: moment.isoformat())


def read_status(home: Home, settings: StackSettings, now: datetime) -> Status:
    """Read the status of everything that can be read. `now` is the time of the reader."""
    postgres, url, airflow_url = _postgres(home, settings)
    services = (
        *(postgres, _source(home, settings)),
        *(_service(home, name) for name in (PORTAL, *AIRFLOW_SERVICES)),
        *_tools(home),
    )
    data = _of_stopped(home, now) if url is None else _of_running(home, url, airflow_url, now)
    note = data.note
    if note is None and any(one.name == "airflow-scheduler" and one.state == "running" for one in services):
        note = overdue(now, data.last_run, settings.hour_deadline_minutes)
    ui = next(one for one in services if one.name == "airflow-api-server")
    login = f"user {USER}, password {home.secret('airflow_admin_password')}" if ui.state == "running" else None
    found = data.found
    return Status(
        home=str(home.path),
        services=services,
        login=login,
        last_run=data.last_run,
        report=found.report if found else None,
        note=note,
        incidents=data.incidents,
        read_at=found.read_at if found else None,
    )


@dataclass(frozen=True)
class _Data:
    """What is known of the data: a report, the last run, open incidents, and what a person should know."""

    found: LastReport | None
    last_run: DagRun | None
    incidents: tuple[OpenIncident, ...] | None
    note: str | None


def _of_running(home: Home, url: str, airflow_url: str | None, now: datetime) -> _Data:
    """What a warehouse that runs says; it is saved for the time when it is stopped."""
    last_run = read_last_run(airflow_url)
    try:
        found = read_layers(url, last_run, now)
        incidents = read_incidents(url)
    except DatabaseError as error:
        return _Data(None, last_run, None, str(error))
    save_report(home, found)
    return _Data(found, last_run, incidents, None)


def _of_stopped(home: Home, now: datetime) -> _Data:
    """What was saved of a warehouse that is stopped."""
    found, kept = saved_report(home), kept_incidents(home)
    note = "the warehouse is stopped, and no run is on record: ./retail run makes one, ./retail up starts it"
    if found:
        age = f"{age_of(found.read_at, now)}, {minute_of(found.read_at)}"
        note = f"the warehouse is stopped; this is what it held {age}. ./retail up starts it"
    if kept and kept.incidents:
        note += f"; the incidents are those of {minute_of(kept.stopped_at)}, when it was stopped"
    return _Data(found, found.last_run if found else None, kept.incidents if kept else None, note)


def print_status(status: Status, console: Console, now: datetime) -> None:
    """Print the status, with the age of the last run at `now`."""
    if all(one.state == "stopped" for one in status.services):
        console.print("nothing is running", style="bold")
    for one in status.services:
        colour = {"running": "green", "stopped": "dim", "external": "cyan"}[one.state]
        console.print(f"[{colour}]{one.state:<9}[/] {one.name:<22} {one.address or ''}".rstrip())
    if status.login:
        console.print(f"Airflow login: {status.login}", markup=False)
    if status.last_run:
        run = status.last_run
        began = f"{minute_of(run.started_at)} ({age_of(run.started_at, now)})" if run.started_at else "not yet"
        console.print(f"last run: {run.state}, began {began}, {run.run_id}", markup=False)
    if status.report:
        print_report(status.report, console)
        for failure in status.report.failures:
            words = escaped(failure.words())
            console.print(f"failed: {failure.layer} {failure.dataset}: {words}", style="red", markup=False)
    print_incidents(status.incidents or (), console)
    if status.note:
        console.print(status.note, markup=False)


def _postgres(home: Home, settings: StackSettings) -> tuple[ServiceState, str | None, str | None]:
    """The warehouse's state and the addresses of warehouse and Airflow's metadata, if they can be asked."""
    if settings.database_url is not None:
        url = settings.database_url.get_secret_value()
        parts = urlsplit(url)
        where = f"{parts.hostname}:{parts.port or 5432}{parts.path}"
        configured = settings.airflow_database_url
        file = home.airflow / "airflow.db"
        airflow_url = configured.get_secret_value() if configured else f"sqlite:///{file}" if file.exists() else None
        return ServiceState("postgres", "external", None, where), url, airflow_url
    found = postgres_server(home, settings).running() if (home.path / "postgres").exists() else None
    if found is None:
        return ServiceState("postgres", "stopped", None, None), None, None
    roles = logins(home)
    state = ServiceState("postgres", "running", found.pid, f"{HOST}:{found.port}")
    return state, roles["retail"].url(found.port), roles["airflow"].url(found.port)


def _source(home: Home, settings: StackSettings) -> ServiceState:
    if settings.source_api_url is not None:
        return ServiceState(SOURCE, "external", None, settings.source_api_url)
    return _service(home, SOURCE)


def _tools(home: Home) -> Iterator[ServiceState]:
    """Superset, and pgAdmin and JupyterLab with the keys in their addresses, while they run: no run needs them."""
    record, port = running(home, SUPERSET), remembered_port(home, "superset_port")
    if record and port:
        yield ServiceState(SUPERSET, "running", record.pid, f"http://{HOST}:{port}")
    record, port = running(home, PGADMIN), remembered_port(home, "pgadmin_port")
    if record and port:
        yield ServiceState(PGADMIN, "running", record.pid, pgadmin_address(home, port))
    record, port = running(home, NOTEBOOK), remembered_port(home, "notebook_port")
    if record and port:
        yield ServiceState(NOTEBOOK, "running", record.pid, notebook_address(home, port))


def _service(home: Home, name: str) -> ServiceState:
    record = running(home, name)
    if record is None:
        return ServiceState(name, "stopped", None, None)
    port = {SOURCE: "api_port", "airflow-api-server": "airflow_port", PORTAL: "portal_port"}.get(name)
    address = f"http://{HOST}:{remembered_port(home, port)}" if port else None  # type: ignore[arg-type]
    return ServiceState(name, "running", record.pid, address)
