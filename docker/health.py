#!/usr/bin/env python3
"""Is this container's service well? Exit code 0 or 1, and one line that says why.

    health.py http URL [COMPONENT]   the address answers with success and, if asked, calls COMPONENT healthy
    health.py heartbeat JOB          this host's Airflow job of that type gave a sign of life lately

Asked every few seconds in each container, so it must be cheap: `airflow jobs check` answers the second question too,
but spends seconds of CPU on imports each time.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import urllib.request
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

TIMEOUT_SECONDS = 5
# Airflow beats every 5 seconds, and calls a job dead after 30. Twice that, so that a busy machine is not taken for one.
FRESH_SECONDS = 60

_BEAT = """
select extract(epoch from clock_timestamp() - max(latest_heartbeat))::int
from job
where job_type = %s and hostname = %s and state = 'running'
"""


class Unwell(Exception):
    """What is wrong, in one line."""


def check_http(url: str, component: str | None = None) -> str:
    """Ask the service itself. Raises Unwell or OSError."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy cannot know this container
    with direct.open(url, timeout=TIMEOUT_SECONDS) as answer:
        body = answer.read()
    if component and (status := json.loads(body)[component]["status"]) != "healthy":
        raise Unwell(f"{component} is {status}")
    return f"{url} answers"


def check_heartbeat(job: str) -> str:
    """Ask the metadata database when the job last beat. Raises Unwell or psycopg2.Error."""
    import psycopg2  # noqa: PLC0415 - the other check does without

    url = os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg2", "", 1)
    with closing(psycopg2.connect(url, connect_timeout=TIMEOUT_SECONDS)) as conn, conn.cursor() as cursor:
        cursor.execute(_BEAT, (job, socket.gethostname()))
        (age,) = cursor.fetchone() or (None,)
    if age is None:
        raise Unwell(f"no {job} runs on {socket.gethostname()}")
    if age > FRESH_SECONDS:
        raise Unwell(f"{job} gave its last sign of life {age} s ago")
    return f"{job} gave a sign of life {age} s ago"


CHECKS: dict[str, Callable[..., str]] = {"http": check_http, "heartbeat": check_heartbeat}


def main(arguments: list[str]) -> int:
    """Run one check; returns the exit code."""
    check = CHECKS[arguments[0]]
    try:
        sys.stdout.write(f"{check(*arguments[1:])}\n")
    except Exception as error:  # noqa: BLE001 - whatever it is, the service is not well
        sys.stdout.write(f"unwell: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
