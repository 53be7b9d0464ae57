"""The `retail` command line: arguments in, exit code out. The work is in the modules it calls.

stdout is data, stderr is messages. Every error is three lines: what, why, what to do; so is an unexpected one, with its
traceback in a file. Exit codes: 0 ok, 1 failed, 2 usage, 3 configuration, 4 source, 5 database, 6 data quality.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from dataclasses import asdict
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from typer.exceptions import TyperException

from medallion.entities.registry import ENTITIES
from medallion.errors import RetailError
from medallion.private_files import PRIVATE_UMASK
from medallion.process.exit import skip_gc_at_exit
from medallion.settings import PROJECT_ROOT
from stack.cli.anomalies import anomalies
from stack.cli.audits import audits
from stack.cli.context import AsJson, open_home, open_warehouse, where_the_user_stands
from stack.cli.contract import contract
from stack.cli.deliveries import deliveries
from stack.cli.develop import add_developer_commands
from stack.cli.environments import environments
from stack.cli.group import CommandGroup
from stack.cli.logs import logs
from stack.cli.operate import add_operator_commands
from stack.cli.rejects import rejects
from stack.cli.superset import superset
from stack.cli.tools import add_tool_commands
from stack.cli.usage import show_usage_error
from stack.cli.why import why
from stack.host.console import Talk, print_data
from stack.host.interrupts import Interrupted, interruptible

app = typer.Typer(
    name="./retail",
    cls=CommandGroup,
    help="The retail medallion platform on one machine: source API → Bronze → Silver → Gold.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(rejects, name="rejects")
app.add_typer(anomalies, name="anomalies")
app.add_typer(contract, name="contract")
app.add_typer(superset, name="superset")
app.add_typer(environments, name="env")
Chaos = Annotated[
    str | None,
    typer.Option(metavar="FAULTS", help="Faults of the sample source, such as late-commits:0.02,errors:0.1."),
]


def _show_versions(asked: bool) -> None:  # noqa: FBT001 - how an option's callback is called
    if asked:
        from stack.commands.versions import versions

        print_data("\n".join(versions()))
        raise typer.Exit


@app.callback()
def options(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Show the versions and exit.", callback=_show_versions, is_eager=True)
    ] = False,
) -> None:
    """Options that need no command."""


@app.command(epilog="Example: ./retail run --json | jq .report.new")
def run(*, chaos: Chaos = None, as_json: AsJson = False) -> None:
    """Do one hourly run, from the source to Gold, through the real DAG. It starts what is not running."""
    from stack.commands.layer_report import print_report, summarize_run
    from stack.commands.run import run_hour
    from stack.services.source_api import ask_for_chaos

    home, settings = open_home()
    if chaos is not None:
        ask_for_chaos(settings, chaos)
    outcome = run_hour(home, settings, Talk())
    if as_json:
        print_data(json.dumps(asdict(outcome), indent=2, default=lambda moment: moment.isoformat()))
    else:
        console = Console(highlight=False, soft_wrap=True)
        print_report(outcome.report, console)
        console.print(f"{summarize_run(outcome.report)} ({outcome.seconds:.0f} s)")
        if outcome.page:
            console.print("\nlook at it: ./retail report --open · ./retail psql · ./retail up (web UI, every hour)")
            console.print(f"report: {outcome.page}", markup=False)


@app.command(epilog="Example: ./retail tour --yes")
def tour(*, yes: Annotated[bool, typer.Option("--yes", help="Do not ask before each step.")] = False) -> None:
    """Show in five minutes why this exists: load, look, break it, run again, and compare with the source."""
    from stack.commands.tour import run_tour

    if not yes and not sys.stdin.isatty():
        raise RetailError(
            "the tour cannot ask before each step", why="this is not a terminal", remedy="add --yes: it asks nothing"
        )

    def go_on() -> bool:
        return yes or typer.prompt("Enter: run it, q: stop", default="", show_default=False, err=True) != "q"

    home, settings = open_home()
    print_data(run_tour(home, settings, Talk(), datetime.now(timezone.utc), go_on))


@app.command(epilog="Example: ./retail report --open")
def report(
    *,
    output: Annotated[Path | None, typer.Option(help="Folder to write to. Default: RETAIL_HOME/report.")] = None,
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Write the sales report, one HTML page: what was sold, and whether the figures can be trusted."""
    from stack.commands.report import make_report

    file = make_report(*open_home(), Talk(), where_the_user_stands(output) if output else None)
    print_data(str(file))
    if show:
        typer.launch(file.as_uri())


@app.command(epilog="Example: BACKFILL_JOBS=4 ./retail backfill")
def backfill(*, as_json: AsJson = False) -> None:
    """Load a long history of sales into Silver, in parallel ranges. If interrupted, the next call resumes it."""
    from medallion.errors import NothingToDo
    from stack.commands.backfill import Backfilled, run_backfill

    try:
        done = run_backfill(*open_home(), Talk())
    except NothingToDo as nothing:
        Talk().say(str(nothing))
        done = Backfilled(0, None, None, 0.0, 0.0)
        if not as_json:
            return
    if as_json:
        print_data(json.dumps(asdict(done), indent=2))
    else:
        print_data(done.summary())


@app.command(epilog="Example: AIRFLOW_PORT=9090 ./retail up")
def up() -> None:
    """Run the whole platform with the Airflow web UI, in the foreground, until Ctrl-C or ./retail down."""
    from stack.commands.up import run_platform

    home, settings = open_home()
    run_platform(home, settings, Talk())


@app.command(epilog="Example: ./retail down")
def down(*, as_json: AsJson = False) -> None:
    """End every process of the platform, including those that a killed command left running."""
    from stack.commands.up import stop_platform

    stopped = stop_platform(*open_home())
    if as_json:
        print_data(json.dumps(asdict(stopped), indent=2))
        return
    names = [*stopped.commands, *stopped.services]
    Talk().say(f"stopped: {', '.join(names)}" if names else "nothing was running")


@app.command(epilog="Example: ./retail status --json | jq .services")
def status(*, as_json: AsJson = False) -> None:
    """Show what runs, on which address, and how fresh the data is. Starts nothing."""
    from stack.commands.status import print_status, read_status

    now = datetime.now(timezone.utc)
    found = read_status(*open_home(), now)
    if as_json:
        print_data(found.as_json())
    else:
        print_status(found, Console(highlight=False, soft_wrap=True), now)


app.command(epilog="Example: ./retail logs bronze_sales --lines 20")(logs)
app.command(epilog="Example: ./retail audits sales_item --history 24")(audits)
app.command(epilog="Example: ./retail deliveries top_up --limit 7")(deliveries)
app.command(epilog="Example: ./retail why mart_sales_by_customer 12 2026-11-05")(why)


@app.command(epilog="Example: ./retail plan --json | jq .pull")
def plan(*, as_json: AsJson = False) -> None:
    """Show what the next run would fetch, load and build. Changes nothing."""
    from stack.commands.plan import print_plan, read_plan

    found = read_plan(*open_home(), Talk())
    if as_json:
        print_data(json.dumps(asdict(found), indent=2))
    else:
        print_plan(found, Console(highlight=False, soft_wrap=True))


@app.command(epilog="Example: ./retail verify --json")
def verify(
    *,
    retire: Annotated[
        bool, typer.Option("--retire", help="Retire damaged files whose records were pulled again.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check every Bronze file against its receipt: size, count, sha256."""
    from medallion.bronze.verify import require_intact, retire_damaged, verify_bronze

    with open_warehouse() as (conn, settings):
        with Talk().step("Bronze files"):
            verified = verify_bronze(conn, settings)
        if retire and verified.damaged:
            Talk().say(f"retired: {', '.join(retire_damaged(conn, verified)) or 'none, as none was pulled again'}")
            verified = verify_bronze(conn, settings)
    if as_json:
        print_data(json.dumps(asdict(verified), indent=2))
    else:
        Talk().say(verified.summary())
    require_intact(verified)


@app.command(epilog="Example: ./retail reconcile --repair 42 --repair 43")
def reconcile(
    *,
    whole: Annotated[bool, typer.Option("--all", help="Everything, not only what is new or open.")] = False,
    accept: Annotated[bool, typer.Option("--accept", help="Accept the differences: they are kept on record.")] = False,
    repair: Annotated[
        list[int] | None, typer.Option(metavar="ID", help="Pull this sale again; may be given several times.")
    ] = None,
) -> None:
    """Compare the source's totals with Bronze, Silver and Gold; accept differences, or repair sales."""
    from stack.commands.reconcile import reconcile as check
    from stack.commands.reconcile import repair as pull_again

    if repair and (whole or accept):
        raise typer.BadParameter("--repair cannot be combined with --all or --accept")
    home, settings = open_home()
    if repair:
        print_data(pull_again(home, settings, Talk(), repair))
    else:
        print_data(check(home, settings, Talk(), whole=whole, accept=accept))


@app.command(epilog="Example: ./retail rebuild --json")
def rebuild(
    *,
    in_place: Annotated[bool, typer.Option("--in-place", help="Replace the live tables instead.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before --in-place.")] = False,
    as_json: AsJson = False,
) -> None:
    """Rebuild Silver and Gold from Bronze alone, next to the live tables, and compare them row by row."""
    from stack.commands.rebuild import rebuild_and_compare, rebuild_live

    home, settings = open_home()
    if in_place:
        if not yes:
            typer.confirm("Empty Silver and load all of Bronze again?", abort=True, err=True)
        rebuild_live(home, settings, Talk())
        return
    rebuilt = rebuild_and_compare(home, settings, Talk())
    if as_json:
        print_data(json.dumps(asdict(rebuilt), indent=2))
    else:
        Talk().say(rebuilt.summary())


@app.command(epilog="Example: ./retail accept-source sales")
def accept_source(
    entities: Annotated[
        list[str] | None, typer.Argument(metavar="[ENTITY]...", help=f"{', '.join(ENTITIES)}; default: all.")
    ] = None,
) -> None:
    """Accept the next source that answers, after a pull refused it as a different one."""
    from ingestion.identity import accept_source as accept

    with open_warehouse() as (conn, _):
        Talk().say(accept(conn, entities or ()))


add_operator_commands(app)


add_tool_commands(app)


@app.command(epilog="Example: ./retail doctor --json")
def doctor(*, as_json: AsJson = False) -> None:
    """Check every part that a run needs, and say what to do about what is wrong."""
    from stack.commands.doctor import examine, print_finding

    console = Console(highlight=False, soft_wrap=True)
    findings = []
    for finding in examine(*open_home()):
        findings.append(finding)
        if not as_json:
            print_finding(finding, console)
    if as_json:
        print_data(json.dumps([asdict(finding) for finding in findings], indent=2))
    if any(finding.state == "fail" for finding in findings):
        raise typer.Exit(1)


add_developer_commands(app)


class Shell(str, Enum):
    """Shells that can complete our commands."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


@app.command(epilog='Example: eval "$(./retail completion bash)"')
def completion(shell: Shell) -> None:
    """Print the script by which a shell completes commands and options. See docs/commands.md."""
    file = PROJECT_ROOT / "stack" / "cli" / "completion" / f"retail.{shell.value}"
    print_data(file.read_text(encoding="utf-8").rstrip())


def main() -> None:
    """Run the command line and end the process with its exit code."""
    skip_gc_at_exit()
    if sys.argv[1:2] not in (["test"], ["bench"]):  # their files must be readable by other accounts
        os.umask(PRIVATE_UMASK)  # inherited by every process that is started
    talk = Talk()
    try:
        with interruptible():
            sys.exit(app(prog_name="./retail", standalone_mode=False))
    except TyperException as error:
        sys.exit(show_usage_error(error, talk))
    except typer.Abort:
        talk.error(
            "stopped before anything was done", "the question was not answered with yes", "answer it, or add --yes"
        )
        sys.exit(1)
    except RetailError as error:
        talk.error(*error.what_and_why(), error.remedy)
        sys.exit(error.exit_code)
    except Interrupted as stop:
        talk.say(f"stopped by {stop}: what was committed stays, the next run resumes")
        sys.exit(stop.exit_code)
    except Exception as error:  # noqa: BLE001 - a defect of the platform: short here, complete in a file
        file = _keep_traceback()
        talk.error(
            f"{type(error).__name__}: {error}",
            f"a defect; its traceback is in {file}",
            "report it with that file",
        )
        sys.exit(1)


def _keep_traceback() -> str:
    try:
        file = open_home()[0].logs / "retail.log"
        with file.open("a", encoding="utf-8") as stream:
            traceback.print_exc(file=stream)
    except (OSError, RetailError):
        traceback.print_exc()
        return "the lines above"
    return os.fspath(file)
