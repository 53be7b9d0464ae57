"""`./retail tour`: five minutes that show why this exists. It loads, looks, breaks the load, runs again, and compares.

The tour runs the commands that it prints, on data of its own under RETAIL_HOME/tour. The clock of its source stands
still within a step (`SOURCE_NOW`), so that each step has something new to load.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from medallion.database import connect, transaction
from medallion.errors import DataQualityError, RetailError
from medallion.private_files import make_private
from medallion.settings import PROJECT_ROOT
from report.pipeline import read_checked
from stack.host.home import Home
from stack.host.interrupts import uninterrupted
from stack.services.postgres.files import data_elsewhere
from stack.services.warehouse import stop_everything, warehouse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from report.pipeline import SalesChecked
    from stack.host.console import Talk
    from stack.host.settings import StackSettings

FOLDER = NAME = "tour"
_MARK = "made-by-the-tour"
_CHAOS = "errors:0.15,truncated:0.15,late-commits:0.05"
_TOTALS = """select currency, count(*) as lines, sum(net_amount) as net_amount, max(sold_at) as last_sale
from gold.sales_item group by 1 order by 1"""
_TOP = """select sold.currency, category, sum(net_amount) as revenue
from gold.mart_sales_by_product as sold join gold.dim_product using (product_key)
group by 1, 2 order by 3 desc limit 5"""
_KILLED = 1
_SYSTEMS = ("database_url", "source_api_url", "bronze_url", "airflow_database_url")
# The failure of the tour is one on purpose: no message about it is sent. It kills its run at a point of its own.
_LEFT_OUT = ("ALERT_EMAIL", "ALERT_WEBHOOK", "RETAIL_FAIL_POINT")


@dataclass(frozen=True)
class TourStep:
    """One step: what it shows, and the command, with variables of its own. `exit_code`: how the command must end."""

    title: str
    words: str
    arguments: tuple[str, ...]
    variables: Mapping[str, str]
    exit_code: int = 0

    def command(self) -> str:
        """The command as a person types it."""
        return " ".join([*(f"{name}={value}" for name, value in self.variables.items()), "./retail", *self._quoted()])

    def _quoted(self) -> list[str]:
        return [shlex.quote(" ".join(one.split())) for one in self.arguments]


def steps(now: datetime) -> tuple[TourStep, ...]:
    """The steps of a tour that begins at `now`: its source's clock begins two days earlier."""
    start = now.replace(minute=0, second=0, microsecond=0) - timedelta(days=2)
    first, second, third = ({"SOURCE_NOW": _rfc3339(start + timedelta(hours=hours))} for hours in (0, 18, 24))
    return (
        TourStep("Load", "Fourteen months of sales, from the source to tested Gold.", ("run",), first),
        TourStep("Look", "What analysts see: tables of Gold, by any SQL client.", ("psql", "-c", _TOP), {}),
        TourStep(
            "Break it",
            "18 hours of new sales. A third of the source's answers fail or are cut off, some sales commit late, and "
            "the process is killed (SIGKILL) once rows of Silver are copied. This run fails: it must.",
            ("run", "--chaos", _CHAOS),
            {**second, "RETAIL_FAIL_POINT": "silver.copied"},
            exit_code=_KILLED,
        ),
        TourStep("Look again", "Readers still have the last good state, whole.", ("psql", "-c", _TOTALS), {}),
        TourStep(
            "Run again",
            "The same command without the kill. It resumes where the dead run stopped, from the same bad source.",
            ("run", "--chaos", _CHAOS),
            second,
        ),
        TourStep(
            "Late sales", "Six hours later. Sales that committed late arrive, and are counted once.", ("run",), third
        ),
        TourStep("Prove it", "Every sale of the source, compared with every layer.", ("reconcile", "--all"), third),
        TourStep("Bronze", "Every raw file, checked against its receipt.", ("verify",), {}),
    )


def run_tour(home: Home, settings: StackSettings, talk: Talk, now: datetime, go_on: Callable[[], bool]) -> str:
    """Run every step, asking `go_on` before each; returns the proof in a sentence.

    Raises RetailError when a step does not end as it must, when a system of the user's own is configured, or while
    another tour is under way, DataQualityError when a layer differs from the source.
    """
    named = [name.upper() for name in _SYSTEMS if getattr(settings, name)]
    if named:
        raise RetailError(
            "the tour does not run on systems of your own",
            why=f"it breaks things, and {', '.join(named)} is set",
            remedy="unset that: the tour brings its own warehouse, source, Bronze and Airflow",
        )
    with home.try_locked(NAME) as mine:
        if not mine:
            raise RetailError(
                f"another tour is under way (process {home.holder(NAME)})",
                remedy="wait for it to end, or name another RETAIL_HOME",
            )
        return _tour(home, settings, talk, now, go_on)


def _tour(home: Home, settings: StackSettings, talk: Talk, now: datetime, go_on: Callable[[], bool]) -> str:
    folder = _fresh_folder(home, settings)
    talk.say(f"The tour has data of its own.\n\n$ export RETAIL_HOME={shlex.quote(folder)}")
    for number, step in enumerate(steps(now), 1):
        talk.say(f"\n{number}. {step.title}: {step.words}\n$ {step.command()}")
        if not go_on():
            return f"stopped before step {number}; the data of the tour is in {folder}"
        _run(step, folder)
    return _proof(settings, talk)


def _fresh_folder(home: Home, settings: StackSettings) -> str:
    """The tour's own RETAIL_HOME, empty. Only a folder that a tour has made is ever removed, and none that is in use.

    Raises RetailError for any other.
    """
    folder = home.path / FOLDER
    if folder.is_symlink() or folder.exists():
        if folder.is_symlink() or not (folder / _MARK).exists():
            raise RetailError(
                f"the tour does not empty {folder}",
                why="no tour made that folder",
                remedy="move it away, then start the tour again",
            )
        _end_services(Home(folder), settings)
    for path in _folders(folder):
        shutil.rmtree(path)
    make_private(folder)
    (folder / _MARK).touch()
    return str(folder)


def _folders(folder: Path) -> list[Path]:
    """Every folder with data of the tour. As root, Postgres may have its own one elsewhere."""
    return [path for path in (data_elsewhere(Home(folder)), folder) if path and path.exists()]


def _end_services(home: Home, settings: StackSettings) -> None:
    """Stop what a dead command has left running there. Raises RetailError while a command is under way there."""
    with home.try_locked("users") as alone:
        if not alone:
            raise RetailError(
                f"a command works on the data of the last tour in {home.path}",
                remedy=f"end it, then start the tour again: RETAIL_HOME={shlex.quote(str(home.path))} ./retail down",
            )
        stop_everything(home, settings.model_copy(update={"retail_home": home.path}))


def _run(step: TourStep, folder: str) -> None:
    code = _call([str(PROJECT_ROOT / "retail"), *step.arguments], _environment(step, folder))
    if code != step.exit_code:
        raise RetailError(
            f"step '{step.title}' of the tour failed",
            why=f"its command ended with exit code {code}, not {step.exit_code}",
            remedy=f"see the lines above and {folder}/logs; ./retail doctor checks the parts",
        )


def _environment(step: TourStep, folder: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _LEFT_OUT}
    return {**kept, "RETAIL_HOME": folder, **step.variables}


def _call(command: list[str], environment: Mapping[str, str]) -> int:
    """Run a command to its end; returns its exit code. A stop signal is passed on, and the command stops its services.

    In a session of its own, so that Ctrl-C in a terminal reaches it once, through this process.
    """
    with uninterrupted():
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        return process.wait()
    except BaseException:
        with uninterrupted():
            process.terminate()
            process.wait()
        raise


def _proof(settings: StackSettings, talk: Talk) -> str:
    """The last check of all sales, in a sentence. Raises DataQualityError when the layers differ."""
    home = Home(settings.retail_home / FOLDER).prepare()
    alone = settings.model_copy(update={"retail_home": home.path})
    with warehouse(home, alone, talk) as url, connect(url) as conn, transaction(conn):
        found = read_checked(conn)
    if found is None or not found.is_equal or not _is_equal(found):
        raise DataQualityError(
            f"the layers differ: {found}", remedy="this is a defect: report it with the tour's output"
        )
    return (
        f"difference 0: {found.sales[0]:,} sales with {found.lines[0]:,} lines, "
        f"control sum {found.net_amounts[0]:,.2f}, at the source, in Bronze, in Silver and in Gold.\n"
        f"Report: {home.path / 'report' / 'index.html'}\n"
        f"To remove the tour's data: {shlex.join(['rm', '-r', *map(str, _folders(home.path))])}"
    )


def _is_equal(found: SalesChecked) -> bool:
    """Whether the counts and amounts of all layers are the same."""
    return all(len(set(figures)) == 1 for figures in (found.sales, found.lines, found.net_amounts))


def _rfc3339(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
