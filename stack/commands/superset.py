"""`./retail superset …`: dashboards as code on a Superset of one's own."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboards.applying import apply, plan
from dashboards.bundle import Declared, compile_assets
from dashboards.checking.check import read_checks
from dashboards.datasets import all_figures
from dashboards.declared import FOLDER
from dashboards.decompiling import decompile, with_titles_of_pages
from dashboards.difference import changes
from dashboards.legibility import illegible
from dashboards.roles import read_roles
from dashboards.written import text_of
from medallion.database import connect
from medallion.errors import RetailError, ToolUnavailable
from medallion.schema import prepare_schema
from medallion.wording import counted
from stack.commands.declared_dashboards import declared_dashboards
from stack.commands.superset_access import log_in, open_superset, reader_address
from stack.host.environments import open_environment
from stack.services.ports import HOST, choose_port, remembered_port
from stack.services.processes import await_ready, ended, running, start, stop
from stack.services.superset import NAME, password_of, prepare_superset, superset_environment, superset_service
from stack.services.warehouse import warehouse

if TYPE_CHECKING:
    from pathlib import Path

    from dashboards.applying import Plan
    from stack.host.console import Talk
    from stack.host.home import Home
    from stack.host.settings import StackSettings

_APPLYING = "superset-apply"  # one apply at a time
_FIRST_PYTHON_WITHOUT = (3, 13)


def serve_superset(home: Home, settings: StackSettings, talk: Talk) -> None:
    """Start Superset with what is declared, and serve it until stopped."""
    with home.try_locked(NAME) as mine:
        if not mine:
            raise RetailError(
                f"Superset is up already (process {home.holder(NAME)}) at {_address(home)}",
                remedy="./retail superset apply brings what is declared; Ctrl-C there or ./retail down ends it",
            )
        require_python(sys.version_info[:2])
        declared = declared_dashboards(home, talk)  # first: a file that is wrong starts nothing
        programs = open_environment(home, NAME, talk)
        with warehouse(home, settings, talk) as owner_url:
            with connect(owner_url) as conn:
                prepare_schema(conn)
            environment = superset_environment(home, reader_address(home, settings))
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
                with talk.step("dashboards"), home.locked(_APPLYING), log_in(home, port) as server:
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
    """Write a dashboard of the running Superset back to its file; returns it, and what a declaration cannot say.

    Nothing is written if what Superset has cannot be declared or compiled.
    """
    declared = declared_dashboards(home, talk)
    with open_superset(home, settings) as server:
        found = with_titles_of_pages(server.export())
    dashboard = decompile(slug, found, declared)
    others = [one for one in declared.dashboards if one.slug != slug]
    assets = compile_assets(Declared([*others, dashboard], declared.datasets, declared.relations))
    file = FOLDER / "dashboards" / f"{slug}.yaml"
    draft = file.with_suffix(".new")
    draft.write_text(text_of(dashboard), encoding="utf-8")
    draft.replace(file)
    left = changes(assets, found)
    return file, tuple(one.words() for one in left if one.place.startswith(f"{slug}.yaml"))


def _address(home: Home) -> str:
    port = remembered_port(home, "superset_port") if running(home, NAME) else None
    return f"http://{HOST}:{port}" if port else "a port that it is about to choose"


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
