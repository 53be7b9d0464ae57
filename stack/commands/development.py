"""`./retail dbt` and `./retail diff`: change a model, build it in a schema of one's own, and see what would change."""

from __future__ import annotations

import getpass
import os
import re
import subprocess
from contextlib import nullcontext
from typing import TYPE_CHECKING

from gold.dbt_runner import role_of_dbt
from gold.difference import difference
from medallion.database import connect, transaction
from medallion.errors import ConfigurationError
from medallion.schema import prepare_schema
from medallion.settings import PROJECT_ROOT
from medallion.state.locks import GOLD_BUILD, locked
from stack.commands.tools import dbt_command, dbt_environment, run_dbt
from stack.services.airflow.service import dbt_profile
from stack.services.warehouse import warehouse

if TYPE_CHECKING:
    from gold.difference import Difference
    from stack.host.console import Talk
    from stack.host.home import Home
    from stack.host.settings import StackSettings

_SCHEMA = "RETAIL_DEV_SCHEMA"
_COMMANDS = {
    *("build", "clean", "clone", "compile", "debug", "deps", "docs", "init", "list", "ls", "parse", "retry", "run"),
    *("run-operation", "seed", "show", "snapshot", "source", "test"),
}
# Commands that resolve references, and so take what is not selected from the live Gold.
_DEFERRED = {"build", "run", "test", "compile", "show"}
_BUILDING = {"build", "run"}
_NAME = re.compile(r"dev(_[a-z0-9_]{1,40})?")


def dev_schema(environment: os._Environ[str] | dict[str, str]) -> str:
    """The schema of this developer: RETAIL_DEV_SCHEMA, else `dev_` and the account's name; `dev` without a name.

    Raises ConfigurationError for a name that could be that of a schema of the platform.
    """
    name = environment.get(_SCHEMA) or "_".join(filter(None, ("dev", _account())))
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{_SCHEMA}={name} is not a schema for development",
            remedy="name it dev, or dev_ and lower-case letters, digits and underscores",
        )
    return name


def _account() -> str:
    """The account's name as a part of a schema's; empty if it has none, or none of these letters."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # the account is a number alone, as in a container
        return ""
    return re.sub(r"[^a-z0-9]+", "_", user.lower()).strip("_")[:40]


def run_any_dbt(home: Home, settings: StackSettings, talk: Talk, target: str, arguments: list[str]) -> int:
    """Run a dbt command on the warehouse; returns its exit code. Raises ConfigurationError or DatabaseError.

    With the target `dev` it builds completely, in a schema of the developer's own, and takes from the live Gold what it
    does not select. Tests that read a model made from the selected one are left out, as that model is not built again.
    With another target it keeps the steps of a run out while it works.
    """
    is_dev = target == "dev"
    command = next((one for one in arguments if one in _COMMANDS), "")
    schema = {_SCHEMA: dev_schema(os.environ)} if is_dev else {}
    with warehouse(home, settings, talk) as url, connect(url, application_name="retail dbt") as conn:
        prepare_schema(conn)
        environment = dbt_environment(home, {**os.environ, **dbt_profile(url), **schema})
        if is_dev:
            environment.setdefault("DBT_INDIRECT_SELECTION", "buildable")
        else:
            environment["RETAIL_PG_ROLE"] = role_of_dbt(conn)
        with talk.step("dbt deps"):
            run_dbt(home, environment, "deps")
        more: list[str] = []
        if is_dev and command in _DEFERRED:
            live = home.path / "dbt" / "live"
            with talk.step("dbt parse of the live Gold"):
                run_dbt(home, environment, "parse", "--target", "warehouse", "--target-path", str(live))
            more = ["--defer", "--state", str(live)]
            # What is not selected is the live table, even if an older build of it is here. A test selects no table.
            more += ["--favor-state"] if command != "test" else []
            more += ["--full-refresh"] if command in _BUILDING else []
        with nullcontext() if is_dev else locked(conn, GOLD_BUILD):
            line = dbt_command(*arguments, *more, "--target", target)
            return subprocess.run(line, env=environment, cwd=PROJECT_ROOT, check=False).returncode


def compare_with_live(home: Home, settings: StackSettings, talk: Talk, model: str) -> Difference:
    """Compare a model in the developer's schema with the live one. Raises ConfigurationError or DatabaseError."""
    with (
        warehouse(home, settings, talk) as url,
        connect(url, application_name="retail diff") as conn,
        transaction(conn),
    ):
        return difference(conn, model, dev_schema(os.environ))
