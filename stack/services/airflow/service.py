"""Airflow's processes on one machine: their environment, their commands, their metadata database.

Not `airflow standalone`: when a signal ends it, its children keep running, and it prints its password into a log.
The api-server, the scheduler and the dag-processor are services of the platform instead. There is no triggerer, as no
task is deferred. Airflow itself is never imported here: its environment must be complete before that.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url

from medallion.secret_files import SUFFIX
from medallion.settings import PROJECT_ROOT
from stack.host.home import write_private
from stack.services.endpoints import INGESTION_CONNECTION, TRANSFORMATION_CONNECTION
from stack.services.ports import HOST
from stack.services.processes import Service

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stack.host.home import Home
    from stack.host.settings import StackSettings
    from stack.services.endpoints import Endpoints

USER = "admin"
DAG_ID = "retail_etl_hourly"
DAGS_FOLDER = PROJECT_ROOT / "airflow" / "dags"
PLUGINS_FOLDER = PROJECT_ROOT / "airflow" / "plugins"
CONFIG_FOLDER = PROJECT_ROOT / "airflow" / "config"
AIRFLOW = (sys.executable, "-m", "airflow")

# Airflow connection of the warehouse's owner, which is used for a layer that has no login of its own.
_OWNER = "AIRFLOW_CONN_RETAIL"
_LAYERS = (INGESTION_CONNECTION, TRANSFORMATION_CONNECTION)

# The home page shows a missing triggerer as a failed one. As no task is deferred, there is none (docs/decisions/0007),
# and the page does without: the third of the four badges below the heading, while it bears a cross.
_BADGE = 'div:has(> h2) + div > [data-testid="state-badge"]:nth-child(3):nth-last-child(2):has(svg > line)'
HOME_PAGE_THEME = json.dumps({"globalCss": {_BADGE: {"display": "none !important"}}})

# The user's own AIRFLOW__… variables win over these.
_TUNING = {
    "AIRFLOW__API__THEME": HOME_PAGE_THEME,
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "60",
    "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "30",
    "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
    # By default Airflow opens the logs of tasks to others, whatever the umask is.
    "AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FILE_PERMISSIONS": "0o600",
    "AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FOLDER_PERMISSIONS": "0o700",
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
    # The scheduler looks for work this often. An hourly run takes seven looks in sequence; at the default of 1 s it
    # mostly waits for them.
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.25",
    # Airflow may miss the end of a task until its next heartbeat, by default five seconds later. The number of seconds
    # without an answer that it tolerates stays the default.
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
    "AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS": "15",
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_POOL_SIZE": "4",
}


def airflow_environment(home: Home, settings: StackSettings, endpoints: Endpoints) -> dict[str, str]:
    """Environment of every Airflow process: its folder, its secrets, and the services that its tasks use.

    Where each layer has a login of its own, the login of the warehouse's owner is in none of them.
    """
    base = f"http://{HOST}:{endpoints.airflow_port}"
    ours = {*endpoints.connection(), _OWNER}
    inherited = {name: value for name, value in os.environ.items() if name.removesuffix(SUFFIX) not in ours}
    logins = inherited | _layers(endpoints)
    if not logins.keys() >= set(_LAYERS):
        logins[_OWNER] = endpoints.database_url
    return {
        **_TUNING,
        # A secret that was given as a file has been read by now, and is set below.
        **logins,
        **pipeline_environment(settings, endpoints, has_layers=_OWNER not in logins),
        **_around_proxies(),
        "AIRFLOW_HOME": str(home.airflow),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS_FOLDER),
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": str(settings.airflow_parallelism),
        "AIRFLOW__CORE__FERNET_KEY": home.secret("airflow_fernet_key") + "=",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{base}/execution/",
        "AIRFLOW__CORE__AUTH_MANAGER": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home.airflow / "passwords.json"),
        "AIRFLOW__API__BASE_URL": base,
        "AIRFLOW__API__SECRET_KEY": home.secret("airflow_api_secret_key"),
        "AIRFLOW__API_AUTH__JWT_SECRET": home.secret("airflow_jwt_secret"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": endpoints.airflow_database_url,
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home.airflow / "logs"),
    }


def _layers(endpoints: Endpoints) -> dict[str, str]:
    """The warehouse as Airflow connections, one per layer, as far as the logins are known."""
    urls = zip(_LAYERS, (endpoints.ingestion_url, endpoints.transformation_url), strict=True)
    return {name: url for name, url in urls if url}


def _around_proxies() -> dict[str, str]:
    """Proxy settings that keep Airflow's processes, which talk to each other on this machine, off any proxy."""
    bypassed = ",".join(filter(None, (os.environ.get("NO_PROXY") or os.environ.get("no_proxy"), HOST, "localhost")))
    return {"NO_PROXY": bypassed, "no_proxy": bypassed}


def pipeline_environment(settings: StackSettings, endpoints: Endpoints, *, has_layers: bool = False) -> dict[str, str]:
    """The environment that a step of the pipeline and dbt's profile read: the login of the layer, if it is known.

    `has_layers`: each layer has a login, so that the owner's is given to neither.
    """
    owner = "" if has_layers else endpoints.database_url
    return {
        **endpoints.connection(),
        "DATABASE_URL": endpoints.ingestion_url or owner,
        **dbt_profile(endpoints.transformation_url or owner),
        "RETAIL_HOME": str(settings.retail_home),
        # `airflow/` and `dbt/` here have no __init__.py, so the installed packages of these names win. Airflow's own
        # setting for plugins is left to the user.
        "PYTHONPATH": os.pathsep.join(map(str, (PROJECT_ROOT, PLUGINS_FOLDER, CONFIG_FOLDER))),
        "PYTHONUNBUFFERED": "1",
    }


def dbt_profile(database_url: str) -> dict[str, str]:
    """The environment that `dbt/profiles.yml` reads; empty for an unknown address."""
    if not database_url:
        return {}
    warehouse = make_url(database_url)
    return {
        "RETAIL_PG_HOST": warehouse.host or "",
        "RETAIL_PG_PORT": str(warehouse.port or 5432),
        "RETAIL_PG_USER": warehouse.username or "",
        "RETAIL_PG_PASSWORD": str(warehouse.password or ""),
        "RETAIL_PG_DATABASE": warehouse.database or "",
        **{f"PG{name.upper()}": str(value) for name, value in warehouse.query.items() if name.startswith("ssl")},
    }


def write_password(home: Home) -> str:
    """Give the web UI's user a generated password; returns it."""
    password = home.secret("airflow_admin_password")
    write_private(home.airflow / "passwords.json", json.dumps({USER: password}) + "\n")
    return password


def airflow_services(environment: Mapping[str, str], port: int) -> list[Service]:
    """The processes of the platform under `up`, in the order of their start."""
    api = ("api-server", "--host", HOST, "--port", str(port), "--workers", "1")
    return [
        Service(
            "airflow-api-server",
            (*AIRFLOW, *api),
            environment,
            ready_url=f"http://{HOST}:{port}/api/v2/monitor/health",
        ),
        # Logs are read from the folder they are written to; a server for them would want a port of its own.
        Service("airflow-scheduler", (*AIRFLOW, "scheduler", "--skip-serve-logs"), environment),
        Service("airflow-dag-processor", (*AIRFLOW, "dag-processor"), environment),
    ]
