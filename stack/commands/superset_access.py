"""The two logins of the commands of `./retail superset`: Superset's, and the reader's to the warehouse."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from dashboards.roles import ADMIN
from dashboards.server import open_server
from medallion.errors import DashboardServerError, SettingMissing
from stack.services.ports import HOST, remembered_port
from stack.services.processes import running
from stack.services.superset import NAME, password_of
from stack.services.warehouse import reader_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dashboards.server import SupersetServer
    from stack.host.home import Home
    from stack.host.settings import StackSettings


@contextmanager
def open_superset(home: Home, settings: StackSettings) -> Iterator[SupersetServer]:
    """A session with the Superset of SUPERSET_URL, else with that of this RETAIL_HOME.

    Raises DashboardServerError when it does not run or refuses the login.
    """
    if settings.superset_url is not None:
        password = settings.superset_password.get_secret_value() if settings.superset_password else ""
        with open_server(settings.superset_url, settings.superset_user, password) as server:
            yield server
        return
    port = remembered_port(home, "superset_port")
    if port is None or not running(home, NAME):
        raise DashboardServerError(
            f"Superset is not running with RETAIL_HOME={home.path}",
            why="it runs while ./retail superset up does",
            remedy="start it in another terminal: ./retail superset up",
        )
    with log_in(home, port) as server:
        yield server


@contextmanager
def log_in(home: Home, port: int) -> Iterator[SupersetServer]:
    """A session of the administrator with the Superset of this RETAIL_HOME on `port`."""
    with open_server(f"http://{HOST}:{port}", ADMIN, password_of(home, ADMIN)) as server:
        yield server


def reader_address(home: Home, settings: StackSettings) -> str:
    """The address by which Superset reads the warehouse: never the owner's. Raises ConfigurationError."""
    url = reader_url(home, settings)
    if url is None:
        raise SettingMissing(
            variable="READER_DATABASE_URL",
            meaning="the login of retail_reader on the server of DATABASE_URL",
            remedy="set READER_DATABASE_URL to the address of DATABASE_URL with the login of retail_reader",
        )
    return url
