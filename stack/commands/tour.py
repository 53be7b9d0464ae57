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
from stack.services.warehouse import warehouse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from report.pipeline import SalesChecked
    from stack.host.console import Talk
    from stack.host.settings import StackSettings

FOLDER = "tour"
_MARK = "made-by-the-tour"
_CHAOS = "errors:0.15,truncated:0.15,late-commits:0.05"
_TOTALS = "select count(*) as lines, sum(net_amount) as net_amount, max(sold_at) as last_sale from gold.sales_item"
_TOP = """select category, sum(net_amount) as revenue
from gold.mart_sales_by_product join gold.dim_product using (product_key) group by 1 order by 2 desc limit 5"""
_KILLED = 1


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
        TourStep("Load", "Two months of sales, from the source to tested Gold.", ("run",), first),
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

    Raises RetailError when a step does not end as it must, or when the user's own warehouse or source is configured,
    DataQualityError when a layer differs from the source.
    """
    if settings.database_url or settings.source_api_url:
        raise RetailError(
            "the tour does not run on your own warehouse or source",
            why="it breaks things, and DATABASE_URL or SOURCE_API_URL is set",
            remedy="unset both: the tour brings its own warehouse and source",
        )
    folder = _fresh_folder(home)
    talk.say(f"The tour has data of its own.\n\n$ export RETAIL_HOME={folder}")
    for number, step in enumerate(steps(now), 1):
        talk.say(f"\n{number}. {step.title}: {step.words}\n$ {step.command()}")
        if not go_on():
            return f"stopped before step {number}; the data of the tour is in {folder}"
        _run(step, folder)
    return _proof(folder, settings, talk)


def _fresh_folder(home: Home) -> str:
    """The tour's own RETAIL_HOME, empty. Only a folder that a tour has made is ever removed."""
    folder = home.path / FOLDER
    if folder.exists():
        if not (folder / _MARK).exists():
            raise RetailError(
                f"the tour does not empty {folder}",
                why="no tour made that folder",
                remedy="move it away, then start the tour again",
            )
        shutil.rmtree(folder)
    make_private(folder)
    (folder / _MARK).touch()
    return str(folder)


def _run(step: TourStep, folder: str) -> None:
    environment = {**os.environ, "RETAIL_HOME": folder, **step.variables}
    ended = subprocess.run(
        [str(PROJECT_ROOT / "retail"), *step.arguments], env=environment, stdin=subprocess.DEVNULL, check=False
    )
    if ended.returncode != step.exit_code:
        raise RetailError(
            f"step '{step.title}' of the tour failed",
            why=f"its command ended with exit code {ended.returncode}, not {step.exit_code}",
            remedy=f"see the lines above and {folder}/logs; ./retail doctor checks the parts",
        )


def _proof(folder: str, settings: StackSettings, talk: Talk) -> str:
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
        f"difference 0: {found.sales[0]:,} sales with {found.lines[0]:,} lines, {found.net_amounts[0]:,.2f} in all, "
        f"at the source, in Bronze, in Silver and in Gold.\n"
        f"Report: {home.path / 'report' / 'index.html'}\n"
        f"To remove the tour's data: rm -r {folder}"
    )


def _is_equal(found: SalesChecked) -> bool:
    """Whether the counts and amounts of all layers are the same."""
    return all(len(set(figures)) == 1 for figures in (found.sales, found.lines, found.net_amounts))


def _rfc3339(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
