"""Which tests share a worker: those of a file that is named here, because what they share is expensive to make.

pytest-xdist has groups for this, by a mark, which have no effect under pytest 9.2: it adds the group to a node id that
can no longer be changed.
"""

from __future__ import annotations

from pathlib import Path

from xdist.scheduler import LoadScopeScheduling

# A platform with its first run, a server, an environment, a database for each state that a role may meet.
SHARING = {"tests/faults/test_postgres_lost.py"} | {
    f"tests/integration/test_{name}.py"
    for name in (
        "backfill_cli",
        "clock_jumps",
        "embedded_postgres",
        "error_lines",
        "failed_runs",
        "launcher",
        "operator_commands",
        "launcher_certificates",
        "retail_cli",
        "roles",
        "secrets_of_a_run",
        "server_bounds",
    )
}


def unit_of_work(nodeid: str) -> str:
    """What is given to a worker as a whole: a file of `SHARING`, or else the test itself."""
    file = nodeid.partition("::")[0]
    return file if file in SHARING else nodeid


class BySharedFixture(LoadScopeScheduling):  # type: ignore[misc] # xdist's scheduler has no types
    """Units of work, the largest first, each to the worker that is free."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of_work(nodeid)


def missing_files(root: Path) -> set[str]:
    """Files of `SHARING` that are not there."""
    return {file for file in SHARING if not (root / file).is_file()}
