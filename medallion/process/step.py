"""The shared frame of every `python -m …` step: settings, a connection, errors, an exit code."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from medallion.database import connect
from medallion.errors import ConfigurationError, NothingToDo, RetailError
from medallion.private_files import PRIVATE_UMASK
from medallion.process.exit import skip_gc_at_exit
from medallion.process.failure_file import VARIABLE, write_failure
from medallion.process.signals import Stopped, stoppable
from medallion.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from psycopg2.extensions import connection

    from medallion.settings import Settings

    Step = Callable[[connection, Settings], str]


def run_step(step: Step) -> None:
    """Run one step against the configured warehouse and end the process with its exit code."""
    skip_gc_at_exit()
    os.umask(PRIVATE_UMASK)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    sys.exit(_exit_code(step))


def hand_run_id() -> str:
    """Run id of a step started by hand, for the ETL log."""
    return f"manual__{datetime.now(timezone.utc).isoformat(timespec='seconds')}"


def one_named(words: Sequence[str], known: Iterable[str], kind: str) -> str:
    """The one known name on a command line. Raises ConfigurationError for an unknown name, for none or for several."""
    names = tuple(known)
    if len(words) == 1 and words[0] in names:
        return words[0]
    unknown = " ".join(word for word in words if word not in names)
    what = f"no {kind} is named {unknown!r}" if unknown else f"one {kind} has to be named, {len(words)} were"
    raise ConfigurationError(
        what, remedy=f"name one of {', '.join(names)}", why=f"the module serves more than one {kind}"
    )


def _exit_code(step: Step) -> int:
    try:
        settings = load_settings()
        with connect(settings.require_database_url()) as conn, stoppable(conn):
            summary = step(conn, settings)
    except NothingToDo as nothing:
        summary = nothing.message
    except RetailError as error:
        _keep(error)
        what, why = error.what_and_why()
        sys.stderr.write(f"error: {what}\n  why: {why}\n   do: {error.remedy}\n")
        return error.exit_code
    except Stopped as stopped:
        sys.stderr.write(f"stopped: by {stopped}; what was committed stays, the next run resumes\n")
        return stopped.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("stopped: before it began\n")
        return 130
    except Exception as error:  # noqa: BLE001 - a defect of the platform: show it in full
        _keep(error)
        traceback.print_exc()
        return 1
    sys.stdout.write(f"{summary}\n")
    return 0


def _keep(error: Exception) -> None:
    """Write the failure file for the command that started this process, if one did."""
    if file := os.environ.get(VARIABLE):
        write_failure(Path(file), error)
