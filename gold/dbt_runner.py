"""dbt run inside the calling process: its environment, its packages, and its results as the platform's errors.

dbt's start (imports, parsing) costs more than an hourly run's models, so it is paid once per process and not once per
command. dbt is imported inside the function that runs it: importing the pipeline alone does not pay for it.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medallion.database import transaction
from medallion.errors import ConfigurationError, GoldAuditFailed, GoldBuildFailed, GoldTestsFailed
from medallion.private_files import make_private, private_files
from medallion.settings import PROJECT_ROOT
from medallion.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from psycopg2.extensions import connection

    from medallion.settings import Settings

PROJECT_DIR = PROJECT_ROOT / "dbt"
# Writing the manifest, twice per command, takes as long as the rest of a small command. `./retail docs` writes it.
_NO_ARTIFACTS = ("--no-write-json",)
# Read by libpq itself, which dbt's driver uses.
_TLS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl")
_ROLE_OF_DBT = """
    select rolname from pg_roles
    where rolname = 'retail_transformation' and rolname <> current_user and pg_has_role(oid, 'SET')
    and has_schema_privilege(rolname, 'gold', 'CREATE') and has_schema_privilege(rolname, 'meta', 'USAGE')
"""


_FAILED_AUDIT = re.compile(r"audit (?P<name>\w+) of (?P<model>\w+) failed: (?P<reason>[^\n]*)")


@dataclass(frozen=True)
class FailedAudit:
    """An audit of severity `error` that has found rows."""

    name: str
    model: str
    reason: str

    @property
    def full_name(self) -> str:
        """Model and audit."""
        return f"{self.model}.{self.name}"


@dataclass(frozen=True)
class BuildResult:
    """The result of one dbt command; `warnings` name what to look at.

    `repointed`: lines of the fact that a version which came after them has given another version of their customer or
    product.
    """

    models: int
    tests: int
    warnings: tuple[str, ...]
    repointed: int = 0

    def __add__(self, other: BuildResult) -> BuildResult:
        """The result of both commands."""
        return BuildResult(
            self.models + other.models,
            self.tests + other.tests,
            self.warnings + other.warnings,
            self.repointed + other.repointed,
        )

    def summary(self) -> str:
        """One line for a person."""
        warned = f", {counted(len(self.warnings), 'warning')}: {'; '.join(self.warnings)}" if self.warnings else ""
        late = f", {counted(self.repointed, 'line')} re-pointed by late versions" if self.repointed else ""
        return f"gold: {counted(self.models, 'model')} built, {counted(self.tests, 'test')} passed{late}{warned}"


def invoke(
    conn: connection, settings: Settings, command: list[str], run_id: str, passed: Mapping[str, str] | None = None
) -> Any:
    """Run a dbt command in this process and return its results. Raises ConfigurationError when dbt does not start.

    `passed` are environment variables for macros, which read them while they build and not while dbt parses.
    """
    import gold.dbt_locks  # noqa: F401, I001, PLC0415 - before dbt
    from dbt.cli.main import dbtRunner  # noqa: PLC0415 - takes two seconds that only Gold should pay

    arguments = [*_NO_ARTIFACTS, *command, "--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR)]
    make_private(settings.retail_home / "dbt")  # its logs and results repeat rows
    with private_files(), _environment(dbt_environment(conn, settings) | {"RETAIL_RUN_ID": run_id, **(passed or {})}):
        outcome = dbtRunner().invoke(arguments)
    if outcome.exception is not None:
        raise ConfigurationError(
            f"dbt {command[0]} did not start: {outcome.exception}",
            remedy="fix the dbt project; see it with: ./retail doctor",
        ) from outcome.exception
    return outcome.result


def dbt_environment(conn: connection, settings: Settings) -> dict[str, str]:
    """The environment that `dbt/profiles.yml` and `dbt_project.yml` read: the warehouse, and the folders of dbt."""
    info = conn.info
    return {
        "RETAIL_PG_HOST": info.host,
        "RETAIL_PG_PORT": str(info.port),
        "RETAIL_PG_USER": info.user,
        "RETAIL_PG_PASSWORD": info.password or "",
        "RETAIL_PG_DATABASE": info.dbname,
        "RETAIL_PG_ROLE": role_of_dbt(conn),
        **{f"PG{name.upper()}": value for name in _TLS if (value := info.dsn_parameters.get(name))},
        **dbt_state(settings.retail_home),
    }


def dbt_state(retail_home: Path) -> dict[str, str]:
    """The environment variables for the folders where dbt writes results, logs and package links."""
    return {
        "DBT_TARGET_PATH": str(retail_home / "dbt" / "target"),
        "DBT_LOG_PATH": str(retail_home / "dbt" / "logs"),
        "RETAIL_DBT_PACKAGES_PATH": str(retail_home / "dbt" / "packages"),
    }


def role_of_dbt(conn: connection) -> str:
    """The role that dbt sets after its login, so that a trigger in Gold does not run as the owner; empty: none."""
    with transaction(conn), conn.cursor() as cursor:
        cursor.execute(_ROLE_OF_DBT)
        found = cursor.fetchone()
    return str(found[0]) if found else ""


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Set these environment variables for one dbt command: its profile reads nothing but the environment."""
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def built_by(results: Any) -> BuildResult:
    """Count what passed. Raises for what did not, for a broken model before a failed test."""
    failed = [result for result in results if result.status in ("error", "fail", "runtime error")]
    broken = [result for result in failed if result.node.resource_type == "model"]
    audits = [found for result in broken if (found := failed_audit(result))]
    if broken and len(audits) == len(broken):
        raise GoldAuditFailed(audits=", ".join(one.full_name for one in audits), reason=audits[0].reason)
    if broken:
        raise GoldBuildFailed(models=_names(broken), reason=reason_of(broken[0]))
    if failed:
        raise GoldTestsFailed(tests=_names(failed), reason=reason_of(failed[0]))
    models = sum(result.node.resource_type == "model" for result in results)
    warned = tuple(f"{r.node.name}: {reason_of(r)}" for r in results if r.status == "warn")
    return BuildResult(models, len(results) - models, warned)


def failed_audit(result: Any) -> FailedAudit | None:
    """The audit that rolled this model back, from the message that meta.record_audit raises."""
    found = _FAILED_AUDIT.search(str(result.message or ""))
    return FailedAudit(**found.groupdict()) if found else None


def _names(results: list[Any]) -> str:
    return ", ".join(result.node.name for result in results)


def reason_of(result: Any) -> str:
    """The reason of a failure, without the row that Postgres shows as DETAIL: it may be personal data."""
    what, _, detail = str(result.message or result.status).partition("DETAIL:")
    where = detail[detail.find("compiled code at") :] if "compiled code at" in detail else ""
    return " ".join(f"{what} {where}".split())


def packages_are_linked(settings: Settings) -> bool:
    """Whether dbt finds the local packages where it looks for them; a link to a folder is never out of date."""
    installed = _packages_folder(settings)
    return all((installed / one.name).resolve() == one.resolve() for one in (PROJECT_DIR / "packages").iterdir())


def _packages_folder(settings: Settings) -> Path:
    return Path(dbt_state(settings.retail_home)["RETAIL_DBT_PACKAGES_PATH"])
