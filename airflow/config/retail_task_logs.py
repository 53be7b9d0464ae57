"""Log files of tasks that `airflow dags test` runs, in the place where the web UI looks for them.

`dags test` runs tasks in its own process, and writes what they log to its output alone: the log of a failed task would
be empty in the UI. Here a copy of each line also goes to the task's file, as the JSON that a supervised task writes.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping
    from typing import BinaryIO

    Event = MutableMapping[str, Any]

_SUPERVISION = "airflow.api_fastapi."  # Airflow's API, which answers the task in the same process


def keep_task_logs() -> None:
    """From now on, have every task that this process runs in place write its log file."""
    import structlog
    from airflow.sdk.execution_time import supervisor

    run = supervisor.run_task_in_process

    @wraps(run)
    def run_with_log(ti: Any, *arguments: Any, **options: Any) -> Any:
        with _log_file(ti) as file, _copied_to(file):
            structlog.get_logger(logger_name="task").info("::group::Pre Execute")  # `run` ends this group
            return run(ti, *arguments, **options)

    supervisor.run_task_in_process = run_with_log


def _log_file(ti: Any) -> BinaryIO:
    """The file of this attempt, without a buffer: it holds even what a killed process has logged."""
    from airflow.sdk.log import init_log_file
    from airflow.utils.helpers import log_filename_template_renderer

    return init_log_file(log_filename_template_renderer()(ti=ti)).open("ab", buffering=0)


@contextmanager
def _copied_to(file: BinaryIO) -> Iterator[None]:
    """Within the block, write a copy of each logged event to the file, before the output's own renderer takes it."""
    from airflow.sdk.log import logging_processors

    *steps, as_json = logging_processors(json_output=True)

    def copy(logger: Any, method: str, event: Event) -> Event:
        if not str(event.get("logger")).startswith(_SUPERVISION):
            line: Any = dict(event)
            for step in steps:
                line = step(logger, method, line)
            if trace := line.pop("exception", None):
                line["error_detail"] = trace  # the name under which the web UI shows it as a traceback
            rendered: Any = as_json(logger, method, line)
            file.write(rendered + b"\n")
        return event

    with ExitStack() as chains:
        for chain in _chains():
            chain.insert(len(chain) - 1, copy)
            chains.callback(chain.remove, copy)
        yield


def _chains() -> list[list[Any]]:
    """The processors of structlog's loggers and those of the standard library's; the last of each one renders.

    They are changed in place, as loggers that are in use hold the same lists.
    """
    import logging

    import structlog

    formatters = [handler.formatter for handler in logging.getLogger().handlers]
    standard = [one.processors for one in formatters if isinstance(one, structlog.stdlib.ProcessorFormatter)]
    return [structlog.get_config()["processors"], *standard]
