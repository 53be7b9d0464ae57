"""`./retail superset …`: dashboards as code on a Superset of one's own."""

from __future__ import annotations

import hashlib
import os
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from dashboards.applying import apply, plan
from dashboards.bundle import Declared, compile_assets
from dashboards.checking.check import (
    Compared,
    References,
    bless,
    check_dashboards,
    chosen,
    differences,
    read_checks,
    shown_charts,
)
from dashboards.checking.reading import Asked
from dashboards.checking.results import line_of, remove_reports, words_of, write_csv, write_junit
from dashboards.datasets import all_figures
from dashboards.declared import FOLDER, read_dashboards, read_datasets
from dashboards.decompiling import decompile
from dashboards.difference import changes
from dashboards.legibility import illegible
from dashboards.relations import read_relations
from dashboards.roles import ADMIN, read_roles, require_roles
from dashboards.server import open_server
from dashboards.written import text_of
from gold.dbt_runner import PROJECT_DIR
from medallion.database import connect, transaction
from medallion.errors import DashboardInvalid, DashboardServerError, RetailError, SettingMissing, ToolUnavailable
from medallion.schema import prepare_schema
from medallion.wording import counted
from stack.commands.tools import dbt_environment, run_dbt
from stack.host.environments import open_environment
from stack.services.ports import HOST, choose_port, remembered_port
from stack.services.postgres.roles import READER
from stack.services.processes import await_ready, ended, running, start, stop
from stack.services.superset import NAME, password_of, prepare_superset, superset_environment, superset_service
from stack.services.warehouse import role_url, warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from psycopg2.extensions import connection

    from dashboards.applying import Plan
    from dashboards.server import SupersetServer
    from stack.host.console import Talk
    from stack.host.home import Home
    from stack.host.settings import StackSettings

_MOST_RENEWED = 3
_APPLYING = "superset-apply"  # one apply at a time
_FIRST_PYTHON_WITHOUT = (3, 13)


def serve_superset(home: Home, settings: StackSettings, talk: Talk) -> None:
    """Start Superset with what is declared, and serve it until stopped."""
    with home.try_locked(NAME) as mine:
        if not mine:
            raise RetailError(
                f"Superset is up already (process {home.holder(NAME)})",
                remedy="./retail status shows its address, ./retail superset apply brings what is declared",
            )
        require_python(sys.version_info[:2])
        declared = declared_dashboards(home, talk)  # first: a file that is wrong starts nothing
        programs = open_environment(home, NAME, talk)
        with warehouse(home, settings, talk) as owner_url:
            with connect(owner_url) as conn:
                prepare_schema(conn)
            environment = superset_environment(home, _reader(home, settings))
            stop(home, [NAME])  # what a killed command has left running
            with talk.step("Superset's own database"):
                prepare_superset(home, programs, environment)
            with home.locked("starting"):
                port = choose_port(home, settings, "superset_port")
            service = superset_service(programs, environment, port)
            try:
                process = start(home, service)
                with talk.step("Superset"):
                    await_ready(home, service, process)
                with talk.step("dashboards"), home.locked(_APPLYING), _session(home, port) as server:
                    done = apply(server, declared)
                talk.say(done.summary())
                for line in _addresses(home, port, declared):
                    talk.say(line)
                raise ended(home, NAME, process.wait())
            finally:
                stop(home, [service.name])


def require_python(version: tuple[int, ...]) -> None:
    """Raise ToolUnavailable for a Python that Superset's packages do not support: their build would fail instead."""
    if version >= _FIRST_PYTHON_WITHOUT:
        raise ToolUnavailable(
            f"Superset 6.1 cannot be installed for Python {version[0]}.{version[1]}",
            why="it needs numpy 1.26, which Python 3.12 is the last to have",
            remedy="remove .venv and make it again with an older one, such as RETAIL_PYTHON=python3.12 ./retail --help",
        )


def apply_dashboards(home: Home, settings: StackSettings, talk: Talk) -> Plan:
    """Bring what is declared to the running Superset."""
    declared = declared_dashboards(home, talk)
    with home.locked(_APPLYING), open_superset(home, settings) as server:
        return apply(server, declared)


def plan_dashboards(home: Home, settings: StackSettings, talk: Talk) -> Plan:
    """What `apply_dashboards` would do."""
    declared = declared_dashboards(home, talk)
    with open_superset(home, settings) as server:
        return plan(server, declared)


@dataclass(frozen=True)
class Linted:
    """The dashboards that were looked at, and what makes one of them hard to read."""

    dashboards: tuple[str, ...]
    findings: tuple[str, ...]

    def summary(self) -> str:
        """The findings, and one line for a person."""
        found = counted(len(self.findings), "finding") if self.findings else "nothing to correct"
        return "\n".join([*self.findings, f"{counted(len(self.dashboards), 'dashboard')}: {found}"])


def lint_dashboards(home: Home, talk: Talk) -> Linted:
    """Whether the declared dashboards fit Gold and are legible. Needs neither Superset nor a warehouse."""
    declared = declared_dashboards(home, talk)
    compile_assets(declared)
    read_checks(declared)
    figures, _ = all_figures(declared.datasets, declared.relations)
    findings = [f"{one.slug}: {found}" for one in declared.dashboards for found in illegible(one, figures)]
    return Linted(tuple(one.slug for one in declared.dashboards), tuple(findings))


def decompile_dashboard(home: Home, settings: StackSettings, talk: Talk, slug: str) -> tuple[Path, tuple[str, ...]]:
    """Write a dashboard of the running Superset back to its file; returns it, and what a declaration cannot say."""
    declared = declared_dashboards(home, talk)
    with open_superset(home, settings) as server:
        found = server.export()
    dashboard = decompile(slug, found, declared)
    file = FOLDER / "dashboards" / f"{slug}.yaml"
    draft = file.with_suffix(".new")
    draft.write_text(text_of(dashboard), encoding="utf-8")
    draft.replace(file)
    others = [one for one in declared.dashboards if one.slug != slug]
    left = changes(compile_assets(Declared([*others, dashboard], declared.datasets, declared.relations)), found)
    return file, tuple(one.words() for one in left if one.place.startswith(f"{slug}.yaml"))


@dataclass(frozen=True)
class Checked:
    """The results of a check by the day before which periods end, and the folder of its reports.

    `drift`: how Superset differs from what is declared.
    """

    results: dict[date, tuple[Compared, ...]]
    drift: tuple[str, ...]
    folder: Path

    @property
    def all(self) -> list[Compared]:
        """The results of all days."""
        return [one for found in self.results.values() for one in found]

    @property
    def is_wrong(self) -> bool:
        """Whether a figure differs, a chart could not be read or is not the declared one, or nothing was compared."""
        return bool(self.drift) or any(one.is_wrong for one in self.all) or not any(one.cells for one in self.all)


@dataclass(frozen=True)
class Where:
    """Where a check looks for references, and where it writes; None: under RETAIL_HOME."""

    references: Path | None = None
    output: Path | None = None


def check_superset(
    home: Home, settings: StackSettings, talk: Talk, given: Mapping[str, str], as_of: date | None, where: Where
) -> Checked:
    """Compare every chart with SQL over Gold as of the newest day, and with the newest references as of theirs.

    The reports of an earlier check are removed first. Raises DashboardServerError, DashboardInvalid.
    """
    references = where.references or home.path / NAME / "reference"
    folder = where.output or home.path / NAME / "check"
    remove_reports(folder)
    results: dict[date, tuple[Compared, ...]] = {}
    with _to_check(home, settings, talk) as (server, conn, declared):
        drift = tuple(one.words() for one in differences(server, declared))
        for line in drift:
            talk.say(line)
        choices = chosen(declared, given)
        newest = newest_reference(references, given)
        days = [as_of] if as_of else sorted({newest_day(conn), newest or newest_day(conn)})
        for day in days:
            known = references / folder_name(day, given)
            compared = References(
                known if known.exists() or as_of else None, must_have=where.references is not None and day == newest
            )
            alone = "" if compared.folder else f", compared with SQL alone: no references in {references}"
            talk.say(f"periods end before {day}{alone}")
            found = []
            for one in check_dashboards(server, conn, declared, Asked(day, choices), compared):
                talk.say(line_of(one))
                found.append(one)
                results[day] = tuple(found)
    done = Checked(results, drift, folder)
    write_csv(done.all, folder)
    write_junit(done.all, folder)
    return done


def bless_superset(
    home: Home, settings: StackSettings, talk: Talk, given: Mapping[str, str], as_of: date | None, where: Where
) -> Path:
    """Write what Superset shows as the references of a day, and say what that changes; returns the folder."""
    references = where.references or home.path / NAME / "reference"
    with _to_check(home, settings, talk) as (server, conn, declared):
        day = as_of or newest_day(conn)
        folder = references / folder_name(day, given)
        for one, rows in shown_charts(server, declared, Asked(day, chosen(declared, given))):
            differing = bless(one, rows, folder)
            talk.say(
                f"{one.name:<48}{counted(len(rows), 'row')}" + (f", {len(differing):,} renewed" if differing else "")
            )
            for cell in differing[:_MOST_RENEWED]:
                talk.say(f"    {words_of(cell, one.keys)}")
    return folder


@contextmanager
def _to_check(home: Home, settings: StackSettings, talk: Talk) -> Iterator[tuple[SupersetServer, connection, Declared]]:
    """A session with Superset, one with the warehouse as the reader, and what is declared."""
    declared = declared_dashboards(home, talk)
    with (
        warehouse(home, settings, talk),
        connect(_reader(home, settings), application_name="retail superset check") as conn,
        open_superset(home, settings) as server,
    ):
        yield server, conn, declared


def folder_name(day: date, given: Mapping[str, str]) -> str:
    """The name of the folder with the references of a day, and of these values of filters."""
    return " ".join([day.isoformat(), *(f"{name}={value}" for name, value in sorted(given.items()))])


def newest_reference(folder: Path, given: Mapping[str, str]) -> date | None:
    """The day of the newest references for these values of filters."""
    days = []
    for place in folder.glob("????-??-??*"):
        with suppress(ValueError):
            day = date.fromisoformat(place.name[:10])
            if place.is_dir() and place.name == folder_name(day, given):
                days.append(day)
    return max(days, default=None)


def newest_day(conn: connection) -> date:
    """The day of the newest sale, at which a period ends. Raises DashboardInvalid without one."""
    with transaction(conn), conn.cursor() as cursor:
        cursor.execute("select max(sold_date) from gold.sales_item where sold_at <= now()")
        [found] = cursor.fetchone() or [None]
    if found is None:
        raise DashboardInvalid(file="gold.sales_item", problems=["it holds no sale: there is nothing to compare"])
    day: date = found
    return day


def declared_dashboards(home: Home, talk: Talk) -> Declared:
    """What superset/ declares, with dbt's manifest of the project as it is now. Raises DashboardInvalid."""
    dashboards, datasets = read_dashboards(), read_datasets()
    require_roles(dashboards)
    with talk.step("dbt's manifest"), home.locked("superset-manifest"):
        return Declared(dashboards, datasets, read_relations(write_manifest(home)))


def write_manifest(home: Home) -> Path:
    """The manifest of dbt's project as it is now; dbt writes it again if a file of the project has changed.

    No warehouse is asked. It has a folder of its own: the address of a warehouse is a part of what dbt keeps for its
    next start.
    """
    place = home.path / NAME / "dbt"
    manifest, stamp = place / "manifest.json", place / "stamp"
    wanted = _state_of_project()
    if manifest.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return manifest
    no_warehouse = dict.fromkeys(
        ("RETAIL_PG_HOST", "RETAIL_PG_USER", "RETAIL_PG_PASSWORD", "RETAIL_PG_DATABASE"), "none"
    )
    environment = dbt_environment(home, {**os.environ, **no_warehouse}) | {"DBT_TARGET_PATH": str(place)}
    run_dbt(home, environment, "deps")
    run_dbt(home, environment, "parse")
    stamp.write_text(wanted, encoding="utf-8")
    return manifest


def _state_of_project() -> str:
    """A hash of the names, times and sizes of the files that dbt reads."""
    files = (one for folder in ("models", "macros", "packages", "tests") for one in (PROJECT_DIR / folder).rglob("*.*"))
    states = (
        (str(one), one.stat().st_mtime_ns, one.stat().st_size) for one in (*files, PROJECT_DIR / "dbt_project.yml")
    )
    return hashlib.sha256(str(sorted(states)).encode()).hexdigest()


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
    with _session(home, port) as server:
        yield server


@contextmanager
def _session(home: Home, port: int) -> Iterator[SupersetServer]:
    with open_server(f"http://{HOST}:{port}", ADMIN, password_of(home, ADMIN)) as server:
        yield server


def _reader(home: Home, settings: StackSettings) -> str:
    """The address by which Superset reads the warehouse: never the owner's. Raises ConfigurationError."""
    if settings.reader_database_url is not None:
        return settings.reader_database_url.get_secret_value()
    url = role_url(home, settings, READER)
    if url is None:
        raise SettingMissing(
            variable="READER_DATABASE_URL",
            meaning="the login of retail_reader on the server of DATABASE_URL",
            remedy="set READER_DATABASE_URL to the address of DATABASE_URL with the login of retail_reader",
        )
    return url


def _addresses(home: Home, port: int, declared: Declared) -> list[str]:
    """The address of each dashboard, and who may log in."""
    base = f"http://{HOST}:{port}"
    users = read_roles().users
    return [
        "",
        *(f"  {one.title:<22}{base}/superset/dashboard/{one.slug}/" for one in declared.dashboards),
        "",
        *(f"  user {user:<17}password {password_of(home, user)}" for user in users),
        "",
        "  ready. Ctrl-C or ./retail down ends it",
    ]
