"""The error of a step as a small JSON file, for the command that waits for the step.

The ETL log keeps the same. The file is for a step that did not reach the warehouse: without it, the command would have
to parse the step's messages. A file holds the last failure of its step, bounded and without secrets, until the step
begins again.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

from medallion.error_record import ErrorRecord
from medallion.private_files import PRIVATE_FILE, make_private
from medallion.redaction import record_to_keep

if TYPE_CHECKING:
    from pathlib import Path

VARIABLE = "RETAIL_FAILURE_FILE"  # where a step that runs as a process writes it; unset: nowhere


def task_file(airflow_home: Path, dag_id: str, task_id: str) -> Path:
    """The file of an Airflow task."""
    return airflow_home / "failures" / f"{dag_id}.{task_id}.json"


def forget_failure(file: Path) -> None:
    """Remove the file of an earlier try, at the start of a new one. A file that cannot be removed is ignored."""
    with suppress(OSError):
        file.unlink()


def write_failure(file: Path, error: BaseException, run_id: str = "") -> None:
    """Write the error of a step. A disk that does not take it must not hide the error."""
    draft = file.with_suffix(f".{os.getpid()}.new")
    with suppress(OSError):
        make_private(file.parent)
        draft.touch(mode=PRIVATE_FILE)
        draft.write_text(json.dumps({"run_id": run_id, **asdict(record_to_keep(error))}), encoding="utf-8")
        draft.replace(file)


def read_failure(file: Path, run_id: str = "") -> ErrorRecord | None:
    """The error that a step of that run has written, or None."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return ErrorRecord(**content) if content.pop("run_id") == run_id else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
