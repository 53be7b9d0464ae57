"""`./retail status`: what runs, where it is, and how far the data is. It starts nothing."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from medallion.errors import DatabaseError
from medallion.foreign_text import escaped
from stack.commands.layer_report import Report, print_report, read_report
from stack.services.airflow.metadata import DagRun, Metadata
from stack.services.airflow.service import DAG_ID, USER
from stack.services.open_incidents import OpenIncident, kept_incidents, overdue, print_incidents, read_incidents
from stack.services.ports import HOST, remembered_port
from stack.services.processes import running
from stack.services.source_api import NAME as SOURCE
from stack.services.warehouse import logins, postgres_server

if TYPE_CHECKING:
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
    """What runs and how far the data is. `report` is None while the warehouse cannot be asked.

    `incidents` are the open ones. While the warehouse is stopped, they are those of the moment when it was stopped.
    They are None when it runs and does not answer, or never ran.
    """

    home: str
    services: tuple[ServiceState, ...]
    login: str | None
    last_run: DagRun | None
    report: Report | None
    note: str | None
    incidents: tuple[OpenIncident, ...] | None = None

    def as_json(self) -> str:
        """The status as JSON; moments in RFC 3339."""
        content: dict[str, Any] = asdict(self)
        return json.dumps(content, indent=2, default=lambda moment: moment.isoformat())


def read_status(home: Home, settings: StackSettings) -> Status:
    """Read the status of everything that can be read."""
    postgres, url, airflow_url = _postgres(home, settings)
    services = (postgres, _source(home, settings), *(_service(home, name) for name in AIRFLOW_SERVICES))
    ui = next(one for one in services if one.name == "airflow-api-server")
    report, last_run, note = None, None, None
    incidents: tuple[OpenIncident, ...] | None = None
    if url is None:
        note = "the warehouse is not running: ./retail up or ./retail run starts it"
        if kept := kept_incidents(home):
            incidents = kept.incidents
            if incidents:
                note += f"; the incidents are those of {kept.stopped_at:%Y-%m-%d %H:%M} UTC, when it was stopped"
    else:
        try:
            last_run = Metadata(airflow_url).last_run(DAG_ID) if airflow_url else None
        except DatabaseError:
            last_run = None  # no run yet: Airflow's tables come with the first one
        try:
            report = read_report(url, last_run.run_id if last_run else None)
            incidents = read_incidents(url)
        except DatabaseError as error:
            note = str(error)
    if note is None and any(one.name == "airflow-scheduler" and one.state == "running" for one in services):
        note = overdue(datetime.now(timezone.utc), last_run, settings.hour_deadline_minutes)
    login = f"user {USER}, password {home.secret('airflow_admin_password')}" if ui.state == "running" else None
    return Status(str(home.path), services, login, last_run, report, note, incidents)


def print_status(status: Status, console: Console) -> None:
    """Print the status."""
    if all(one.state == "stopped" for one in status.services):
        console.print("nothing is running", style="bold")
    for one in status.services:
        colour = {"running": "green", "stopped": "dim", "external": "cyan"}[one.state]
        console.print(f"[{colour}]{one.state:<9}[/] {one.name:<22} {one.address or ''}".rstrip())
    if status.login:
        console.print(f"Airflow login: {status.login}", markup=False)
    if status.last_run:
        run = status.last_run
        console.print(f"last run: {run.state}, began {run.started_at:%Y-%m-%d %H:%M:%S} UTC ({run.run_id})")
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


def _service(home: Home, name: str) -> ServiceState:
    record = running(home, name)
    if record is None:
        return ServiceState(name, "stopped", None, None)
    port = {SOURCE: "api_port", "airflow-api-server": "airflow_port"}.get(name)
    address = f"http://{HOST}:{remembered_port(home, port)}" if port else None  # type: ignore[arg-type]
    return ServiceState(name, "running", record.pid, address)
