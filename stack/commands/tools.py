"""Programs that are started by `./retail`: `psql` on the warehouse, the dbt documentation in a browser."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url

from gold import dbt_runner
from gold.dbt_runner import dbt_state, role_of_dbt
from medallion.database import connect
from medallion.errors import ConfigurationError, RetailError
from medallion.schema import prepare_schema
from medallion.settings import PROJECT_ROOT
from stack.commands.column_lineage import LINEAGE, write_lineage
from stack.commands.docs_site import tidy
from stack.host.logs import run_into, tail
from stack.services.airflow.service import dbt_profile
from stack.services.ports import HOST, choose_port
from stack.services.postgres.files import find_binaries
from stack.services.processes import Service, await_ready, ended, start, stop
from stack.services.warehouse import role_url, warehouse

if TYPE_CHECKING:
    from pathlib import Path

    from stack.host.console import Talk
    from stack.host.home import Home
    from stack.host.settings import StackSettings

# The owner's tables first. Without the schema analyst: the owner must not run what an analyst has put there.
_OWNERS_PATH = '"$user",public,dwh,stg,mrr,operational'


def open_psql(home: Home, settings: StackSettings, talk: Talk, arguments: list[str], role: str | None = None) -> int:
    """Run psql on the warehouse, in the user's folder; returns its exit code. Raises ConfigurationError.

    Names of docs/sql.md need no schema: other roles than the owner have them in their search path.
    """
    program = find_program(settings, "psql")
    with warehouse(home, settings, talk) as database_url:
        if role is None:
            environment = libpq_environment(database_url, "psql")
            environment["PGOPTIONS"] = f"{environment.get('PGOPTIONS', '')} -c search_path={_OWNERS_PATH}".strip()
        else:
            environment = libpq_environment(_url_as(role, home, settings, database_url), "psql")
        folder = os.environ.get("RETAIL_CALLER_FOLDER") or None
        # Ctrl-C belongs to psql: it ends a statement there, and must not end this process.
        return subprocess.run([program, *arguments], env=environment, cwd=folder, check=False).returncode


def _url_as(role: str, home: Home, settings: StackSettings, owner_url: str) -> str:
    """The address of the embedded server as another role, which has its rights by then.

    Raises ConfigurationError for a server of the user's own.
    """
    url = role_url(home, settings, role)
    if url is None:
        raise ConfigurationError(
            f"the password of {role} on the server of DATABASE_URL is not known here",
            remedy=f"open psql yourself, with the address of DATABASE_URL and the user {role}",
        )
    with connect(owner_url) as conn:
        prepare_schema(conn)
    return url


def libpq_environment(database_url: str, name: str) -> dict[str, str]:
    """The environment from which a libpq program, named `retail {name}`, reads the address of a database.

    The environment is used because every user of the machine can read arguments.
    """
    url = make_url(database_url)
    return {
        **os.environ,
        "PGHOST": url.host or HOST,
        "PGPORT": str(url.port or 5432),
        "PGUSER": url.username or "",
        "PGPASSWORD": str(url.password or ""),
        "PGDATABASE": url.database or "",
        "PGAPPNAME": f"retail {name}",
        **{f"PG{option.upper()}": str(value) for option, value in url.query.items()},
    }


def find_program(settings: StackSettings, name: str) -> str:
    """A client program of the embedded Postgres, else of the system. Raises ConfigurationError when there is none."""
    bundled = find_binaries(settings.postgres_bin) / name
    found = str(bundled) if bundled.is_file() else shutil.which(name)
    if found is None:
        raise ConfigurationError(
            f"no {name} was found in {bundled.parent} or on PATH",
            remedy="install PostgreSQL's client (Debian: apt install postgresql-client)",
        )
    return found


def serve_docs(home: Home, settings: StackSettings, talk: Talk) -> None:
    """Generate the dbt documentation from the warehouse and serve it until stopped."""
    with home.try_locked("docs") as mine:
        if not mine:
            raise RetailError(
                "another ./retail docs is serving already", remedy="see ./retail status, or end them with Ctrl-C there"
            )
        with warehouse(home, settings, talk) as database_url, connect(database_url) as conn:
            prepare_schema(conn)
            environment = dbt_environment(
                home, {**os.environ, **dbt_profile(database_url), "RETAIL_PG_ROLE": role_of_dbt(conn)}
            )
            with talk.step("dbt docs generate"):
                run_dbt(home, environment, "deps")
                run_dbt(home, environment, "docs", "generate")
                tidy(_site(home))

            def compile_models(target: Path) -> None:
                run_dbt(home, environment, "compile", "--full-refresh", *_other_target(home, target))

            has_lineage = write_lineage(home, _site(home), talk, compile_models)
        _serve(home, settings, talk, has_lineage=has_lineage)


def dbt_environment(home: Home, environment: dict[str, str]) -> dict[str, str]:
    """The environment of a dbt process: where it keeps its state, and no usage statistics."""
    return {**environment, **dbt_state(home.path), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}


def dbt_command(*arguments: str) -> list[str]:
    """The command line of dbt on the project."""
    project = str(dbt_runner.PROJECT_DIR)
    quiet = ("-W", "ignore::RuntimeWarning:runpy")  # dbt's package has imported the module that is run
    folders = ("--project-dir", project, "--profiles-dir", project)
    return [sys.executable, *quiet, "-m", "dbt.cli.main", *arguments, *folders]


def run_dbt(home: Home, environment: dict[str, str], *arguments: str) -> None:
    """Run one dbt command on the project, with its output in `logs/dbt.log`. Raises RetailError."""
    log = home.logs / "dbt.log"
    if not run_into(log, dbt_command(*arguments), environment, PROJECT_ROOT):
        raise RetailError(
            f"dbt {' '.join(arguments)} failed; the end of its log:\n{tail(log, 12)}",
            remedy=f"fix the dbt project, then start again (whole log: {log})",
        )


def _other_target(home: Home, target: Path) -> tuple[str, ...]:
    """Options with which dbt writes to another folder and still need not read the whole project again."""
    parsed = _site(home) / "partial_parse.msgpack"
    return "--target-path", str(target), "--partial-parse-file-path", str(parsed)


def _serve(home: Home, settings: StackSettings, talk: Talk, *, has_lineage: bool) -> None:
    """Serve the generated site as plain files: a dbt process would hold three hundred megabytes for that."""
    with home.locked("starting"):  # as every choice of a port: the choices are kept in one place
        port = choose_port(home, settings, "docs_port")
    command = (sys.executable, "-m", "http.server", str(port), "--bind", HOST, "--directory", str(_site(home)))
    url = f"http://{HOST}:{port}"
    service = Service("docs", command, dict(os.environ), ready_url=f"{url}/index.html", ready_seconds=20)
    try:
        process = start(home, service)
        await_ready(home, service, process)
        talk.say(f"dbt docs: {url}  (Ctrl-C ends)")
        if has_lineage:
            talk.say(f"column lineage: {url}/{LINEAGE}/")
        raise ended(home, service.name, process.wait())
    finally:
        stop(home, [service.name])


def _site(home: Home) -> Path:
    return home.path / "dbt" / "target"
