"""Places where a test can have the process killed: `RETAIL_FAIL_POINT=part.receipted` or `part.receipted:3`.

SIGKILL and not an exception, because no handler, `finally` or rollback can soften it: the next run finds what a power
cut would leave. `:3` waits for the third time the point is reached.

Unset, a point costs one dictionary lookup. Points are listed in the order in which a part lands and a file loads.
"""

from __future__ import annotations

import os
import signal

VARIABLE = "RETAIL_FAIL_POINT"

POINTS = (
    # landing a part
    "bronze.created",  # the file is open under its temporary name
    "bronze.written",  # records were written to its stream
    "bronze.flushed",  # its content is on the disk
    "bronze.renamed",  # it has its final name
    "bronze.durable",  # its folder entry is on the disk
    "part.durable",  # every file of the part is durable
    "part.receipted",  # the receipts are written, the watermark is not
    "part.advanced",  # both are written, uncommitted
    "part.acknowledged",  # committed
    # finishing a range of a backfill
    "range.finished",  # the watermark has passed it, uncommitted
    "range.passed",  # committed
    # loading a file
    "silver.copied",  # rows copied into the table or its stage
    "silver.merged",  # the stage merged
    "versions.appended",  # and its versions with it
    "silver.marked",  # the receipt says loaded, uncommitted
    "silver.loaded",  # committed
)


def fail_point(name: str) -> None:
    """Die here if the environment says so. KeyError for a point that is not in POINTS."""
    if _left[name]:
        _count_down(name)


def _count_down(name: str) -> None:
    _left[name] -= 1
    if not _left[name]:
        os.kill(os.getpid(), signal.SIGKILL)


def _read(setting: str) -> dict[str, int]:
    """How many more times each point can be reached, the last time being fatal; 0: never fatal."""
    left = dict.fromkeys(POINTS, 0)
    if not setting:
        return left
    name, _, times = setting.partition(":")
    if name not in left or not (times or "1").isdecimal() or int(times or 1) < 1:
        raise ValueError(f"{VARIABLE}={setting!r} is no point of {', '.join(POINTS)}, or no count from 1 after it")
    return left | {name: int(times or 1)}


_left = _read(os.environ.get(VARIABLE, ""))
