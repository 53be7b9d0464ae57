"""What every `python -m …` step of the pipeline shares: settings, a connection, errors, an exit code."""

from __future__ import annotations

import logging
import sys
import traceback
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from loaders.config import load_settings
from loaders.database import connect
from loaders.ending import end_without_collecting
from loaders.errors import NothingToDo, RetailError
from loaders.stopping import Stopped, stoppable

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg2.extensions import connection

    from loaders.config import Settings

    Step = Callable[[connection, Settings], str]


def run_step(step: Step) -> None:
    """Run one step against the configured warehouse and end the process with its exit code."""
    end_without_collecting()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    sys.exit(_exit_code(step))


def hand_run_id() -> str:
    """Run id of a step started by hand, for the ETL log."""
    return f"manual__{datetime.now(timezone.utc).isoformat(timespec='seconds')}"


def _exit_code(step: Step) -> int:
    try:
        settings = load_settings()
        with connect(settings.require_database_url()) as conn, stoppable(conn):
            summary = step(conn, settings)
    except NothingToDo as nothing:
        summary = nothing.message
    except RetailError as error:
        sys.stderr.write(f"error: {error.message}\n   do: {error.remedy}\n")
        return error.exit_code
    except Stopped as stopped:
        sys.stderr.write(f"stopped: by {stopped}; what was committed stays, the next run carries on\n")
        return stopped.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("stopped: before it began\n")
        return 130
    except Exception:  # noqa: BLE001 - a defect of ours: show it whole
        traceback.print_exc()
        return 1
    sys.stdout.write(f"{summary}\n")
    return 0
