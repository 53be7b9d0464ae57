"""Why a run failed: the error that the ETL log has, else the one that the task has left in its file."""

from __future__ import annotations

from pathlib import Path

from medallion.errors import BronzeDamaged, BronzeWriteFailed, RetailError, RunFailed, SourceRefused
from medallion.process.failure_file import task_file, write_failure
from stack.commands.layer_report import Failure, Report
from stack.commands.run_failure import explain
from stack.host.home import Home
from stack.services.airflow.metadata import DagRun, TaskState

RUN = DagRun("manual__2026-11-20T10:00:00.5+00:00", "failed", None, None)
TASKS = [
    TaskState("bronze_sales", "failed", None, 1.0),
    TaskState("bronze_products", "success", None, 1.0),
    TaskState("dbt_deps", "upstream_failed", None, 0.0),
]
REFUSED = Failure("bronze", "sales", "sales: status 401", 4, "SourceRefused", "set SOURCE_API_KEY")
FULL = Failure("bronze", "sales", "no room", 1, "BronzeWriteFailed", "free space")
ABANDONED = Failure("bronze", "sales", "the process ended before the load did")


def explained(home: Home, *failures: Failure, tasks: list[TaskState] | None = None) -> RunFailed:
    report = Report(bronze=(), rows={}, watermarks=(), new={}, rejected=0, failures=failures)
    return explain(home, RUN, TASKS if tasks is None else tasks, report)


def leave(home: Home, error: RetailError, task_id: str = "bronze_sales", run_id: str = RUN.run_id) -> None:
    write_failure(task_file(home.airflow, "retail_etl_hourly", task_id), error, run_id)


def test_message_remedy_and_exit_code_are_those_of_the_etl_log(home: Home) -> None:
    failed = explained(home, REFUSED)
    assert failed.message == "bronze_sales failed, 1 step not started: sales: status 401"
    assert (failed.remedy, failed.exit_code) == ("set SOURCE_API_KEY", 4)


def test_a_run_that_was_killed_is_said_to_be(home: Home) -> None:
    killed = explained(home, tasks=[TaskState("silver_load_products", "running", None, 1.0)])
    assert killed.message == "the run was killed during silver_load_products"
    assert "out of memory" in killed.why
    assert "resumes where it stopped" in killed.remedy


def test_an_error_that_did_not_reach_the_warehouse_is_read_from_the_file_of_the_task(home: Home) -> None:
    leave(home, BronzeDamaged("a file — the second — is damaged", remedy="restore it"))
    failed = explained(home)
    assert failed.message == "bronze_sales failed, 1 step not started: a file — the second — is damaged"
    assert (failed.remedy, failed.exit_code) == ("restore it", 6)


def test_the_log_goes_before_the_file_and_the_file_before_a_load_that_only_ended(home: Home) -> None:
    leave(home, BronzeWriteFailed(path="a", reason="no room"))
    assert explained(home, REFUSED).exit_code == 4
    assert explained(home, ABANDONED).remedy.startswith("free space")


def test_the_last_try_of_a_task_tells_why_it_failed(home: Home) -> None:
    assert explained(home, REFUSED, FULL).exit_code == 1
    assert explained(home, FULL, REFUSED).exit_code == 4


def test_the_error_of_a_task_that_succeeded_in_the_end_is_not_the_one(home: Home) -> None:
    leave(home, SourceRefused("status 401", remedy="set it"))
    mended = Failure("bronze", "products", "no room", 1, "BronzeWriteFailed", "free space")
    assert explained(home, mended).exit_code == 4


def test_a_file_of_another_run_or_a_task_that_has_not_failed_does_not_count(home: Home) -> None:
    leave(home, BronzeDamaged("a file", remedy="restore it"), run_id="other")
    leave(home, BronzeDamaged("a file", remedy="restore it"), task_id="bronze_products")
    assert explained(home).exit_code == 1


def test_a_load_whose_process_was_killed_ends_with_exit_code_1(home: Home) -> None:
    failed = explained(home, ABANDONED)
    assert (failed.message, failed.exit_code) == (
        f"bronze_sales failed, 1 step not started: {ABANDONED.message}",
        1,
    )
    assert str(home.logs / "run.log") in failed.remedy


def test_a_step_that_had_nothing_to_do_does_not_end_a_failed_run_as_if_it_were_well(home: Home) -> None:
    assert explained(home, Failure("bronze", "sales", "nothing new", 0, "NothingToDo", "wait")).exit_code == 1


def test_with_nothing_to_go_by_it_points_to_the_log_of_the_complete_run(home: Home) -> None:
    log_of(home, "bronze_products", 1)
    failed = explained(home)
    assert failed.exit_code == 1
    assert f"see {home.logs / 'run.log'}" in failed.message


def test_the_log_it_points_to_is_that_of_the_failed_tasks_last_try(home: Home) -> None:
    log_of(home, "bronze_products", 12)  # succeeded
    logs = [log_of(home, "bronze_sales", tried) for tried in (2, 10)]
    assert f"see {logs[-1]}" in explained(home).message


def log_of(home: Home, task_id: str, try_number: int) -> Path:
    folder = home.airflow / "logs" / "dag_id=retail_etl_hourly" / f"run_id={RUN.run_id}" / f"task_id={task_id}"
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"attempt={try_number}.log"
    log.touch()
    return log


def test_a_run_that_failed_without_a_failed_task_says_what_the_log_has(home: Home) -> None:
    failed = explained(home, REFUSED, tasks=[])
    assert (failed.message, failed.exit_code) == ("the run failed: sales: status 401", 4)
