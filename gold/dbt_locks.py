"""Makes dbt's locks those of one process. Import it before dbt itself.

dbt's threads share locks that also work between processes, each a named semaphore of the system. Python starts another
process to remove these at the end. A task of Airflow ends without cleaning up, so that process would report them as
leaked, as errors in the log of a green task. The locks of the `fork` context have no name and need no such process.
"""

from __future__ import annotations

from multiprocessing import get_context

from dbt import mp_context

mp_context._MP_CONTEXT = get_context("fork")  # type: ignore[assignment] # noqa: SLF001 - dbt offers no setting
