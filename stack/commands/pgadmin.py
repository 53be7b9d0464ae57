"""`./retail pgadmin`: pgAdmin on one machine, which reads the warehouse as `retail_reader`, until it is stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from medallion.database import connect
from medallion.errors import RetailError
from medallion.schema import prepare_to_read
from stack.host.environments import open_environment
from stack.services.pgadmin import NAME, pgadmin_address, pgadmin_service, server_of, server_without_password
from stack.services.ports import choose_port
from stack.services.postgres.roles import READER
from stack.services.processes import await_ready, ended, start, stop
from stack.services.warehouse import reader_url, warehouse

if TYPE_CHECKING:
    from pathlib import Path

    from stack.host.console import Talk
    from stack.host.home import Home
    from stack.host.settings import StackSettings


def serve_pgadmin(home: Home, settings: StackSettings, talk: Talk) -> None:
    """Serve until stopped. The embedded warehouse runs meanwhile.

    Raises ToolUnavailable if pgAdmin cannot be installed, and ServiceFailed if it does not start or ends by itself.
    """
    with home.try_locked(NAME) as mine:
        if not mine:
            raise RetailError(
                f"another ./retail pgadmin is serving already (process {home.holder(NAME)})",
                remedy="see ./retail status for its address, or end it with Ctrl-C there",
            )
        with home.locked("starting"):  # as every choice of a port: the choices are kept in one place
            port = choose_port(home, settings, "pgadmin_port")
        programs = open_environment(home, NAME, talk)
        with warehouse(home, settings, talk) as database_url:
            with connect(database_url) as conn:
                prepare_to_read(conn)  # the reader has its rights by then
            _serve(home, programs, port, _server(home, settings, database_url, talk), talk)


def _server(home: Home, settings: StackSettings, database_url: str, talk: Talk) -> dict[str, Any]:
    """The warehouse, as pgAdmin lists it."""
    url = reader_url(home, settings)
    if url is not None:
        return server_of(home, url)
    talk.say(f"READER_DATABASE_URL is not set: pgAdmin asks for the password of {READER} on the server of DATABASE_URL")
    return server_without_password(database_url)


def _serve(home: Home, programs: Path, port: int, server: dict[str, Any], talk: Talk) -> None:
    """Run pgAdmin. Returns only by an exception: one that stops this command, or ServiceFailed."""
    service = pgadmin_service(home, programs, port, server)
    try:
        with talk.step("pgAdmin"):
            process = start(home, service)
            await_ready(home, service, process)
        talk.say(f"pgAdmin: {pgadmin_address(home, port)}  (Ctrl-C ends)")
        talk.say(f'  no login: the key in the address is yours alone; open "{server["name"]}" on the left')
        raise ended(home, NAME, process.wait())
    finally:
        stop(home, [NAME])
