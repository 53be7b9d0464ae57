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
# Commands that resolve references, and so take what is not selected from the live Gold.
_DEFERRED = {"build", "run", "test", "compile", "show"}
_BUILDING = {"build", "run"}
_NAME = re.compile(r"dev(_[a-z0-9_]{1,40})?")


def dev_schema(environment: os._Environ[str] | dict[str, str]) -> str:
    """The schema of this developer: RETAIL_DEV_SCHEMA, else `dev_` and the account's name.

    Raises ConfigurationError for a name that could be that of a schema of the platform.
    """
    account = re.sub(r"[^a-z0-9]+", "_", getpass.getuser().lower()).strip("_")[:40]
    name = environment.get(_SCHEMA) or f"dev_{account}"
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{_SCHEMA}={name} is no schema for development",
            remedy="name it dev, or dev_ and lower-case letters, digits and underscores",
        )
    return name


def run_any_dbt(home: Home, settings: StackSettings, talk: Talk, target: str, arguments: list[str]) -> int:
    """Run a dbt command on the warehouse; returns its exit code. Raises ConfigurationError or DatabaseError.

    With the target `dev` it builds completely, in a schema of the developer's own, and takes from the live Gold what it
    does not select. Otherwise it keeps the steps of a run out while it works.
    """
    is_dev = target == "dev"
    with warehouse(home, settings, talk) as url, connect(url, application_name="retail dbt") as conn:
        prepare_schema(conn)
        environment = dbt_environment(home, {**os.environ, **dbt_profile(url), _SCHEMA: dev_schema(os.environ)})
        if not is_dev:
            environment["RETAIL_PG_ROLE"] = role_of_dbt(conn)
        with talk.step("dbt deps"):
            run_dbt(home, environment, "deps")
        more: list[str] = []
        if is_dev and arguments[0] in _DEFERRED:
            live = home.path / "dbt" / "live"
            with talk.step("dbt parse of the live Gold"):
                run_dbt(home, environment, "parse", "--target", "warehouse", "--target-path", str(live))
            more = ["--defer", "--favor-state", "--state", str(live)]
            more += ["--full-refresh"] if arguments[0] in _BUILDING else []
        with nullcontext() if is_dev else locked(conn, GOLD_BUILD):
            command = dbt_command(*arguments, *more, "--target", target)
            return subprocess.run(command, env=environment, cwd=PROJECT_ROOT, check=False).returncode


def compare_with_live(home: Home, settings: StackSettings, talk: Talk, model: str) -> Difference:
    """Compare a model in the developer's schema with the live one. Raises ConfigurationError or DatabaseError."""
    with (
        warehouse(home, settings, talk) as url,
        connect(url, application_name="retail diff") as conn,
        transaction(conn),
    ):
        return difference(conn, model, dev_schema(os.environ))
