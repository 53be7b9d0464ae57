"""The services that the start page knows: what each is for, how it is asked, and the command that starts it."""

from __future__ import annotations

from dataclasses import dataclass

WAREHOUSE = "warehouse"
AIRFLOW = "airflow-api-server"


@dataclass(frozen=True)
class Service:
    """A service.

    `port`: the name of its port in `state.json`. `probe`: the path that answers once it works. `page`: the path that a
    person opens; None: it has no page. `part`: the part of Airflow's own health that speaks for it. `more`: a further
    page, with its name, shown when it is there. `start`: the command that starts it; `start_container`: that in
    containers, if the others run without it. `is_expected`: the command that serves the start page starts it, too.
    `can_be_framed`: its pages may be shown within Airflow's. `note`: how to log in, on one machine.
    """

    name: str
    label: str
    about: str
    port: str = ""
    probe: str = "/"
    page: str | None = "/"
    part: str = ""
    more: tuple[str, str] | None = None
    start: str = "./retail up"
    start_container: str = ""
    is_expected: bool = False
    can_be_framed: bool = False
    note: str = ""


SERVICES = (
    Service(
        AIRFLOW,
        "Airflow",
        "runs, tasks and their logs; start a run",
        port="airflow_port",
        probe="/api/v2/monitor/health",
        is_expected=True,
        note="./retail status shows the login",
    ),
    Service(
        "superset",
        "Superset",
        "dashboards and charts of Gold",
        port="superset_port",
        probe="/health",
        start="./retail superset up",
        start_container="docker compose --profile bi up -d",
        note="the terminal of ./retail superset up shows the logins",
    ),
    Service(
        "docs",
        "dbt docs",
        "models, tests and lineage",
        port="docs_port",
        probe="/index.html",
        more=("column lineage", "/lineage/index.html"),
        start="./retail docs",
        can_be_framed=True,
    ),
    Service(
        "pgadmin",
        "pgAdmin",
        "tables and SQL in the browser",
        port="pgadmin_port",
        probe="/misc/ping",
        start="./retail pgadmin",
        start_container="docker compose up -d pgadmin",
        note="the first time, by the address in the terminal of ./retail pgadmin: it holds a key",
    ),
    Service(
        "notebook",
        "Notebooks",
        "a tour of Gold in JupyterLab; plots and SQL of your own",
        port="notebook_port",
        probe="/api",
        page="/lab",
        start="./retail notebook",
        note="the first time, by the address in the terminal of ./retail notebook: it holds a key",
    ),
    Service(
        "source-api",
        "Source API",
        "the source system, with its documentation",
        port="api_port",
        probe="/readyz",
        page="/docs",
        is_expected=True,
        can_be_framed=True,
    ),
    Service(WAREHOUSE, "Warehouse", "Postgres with Bronze's receipts, Silver and Gold; ./retail psql", page=None),
    Service(
        "airflow-scheduler",
        "Airflow scheduler",
        "starts the hourly runs",
        page=None,
        part="scheduler",
        is_expected=True,
    ),
    Service(
        "airflow-dag-processor",
        "Airflow dag-processor",
        "reads the DAGs",
        page=None,
        part="dag_processor",
        is_expected=True,
    ),
)
