"""Why a run failed: the words of the ETL log, the exit code of the error that the log names."""

from __future__ import annotations

import pytest

from stack.failure import RunFailed, explain
from stack.home import Home
from stack.metadata import DagRun, TaskState
from stack.report import Failure, Report

RUN = DagRun("manual__2026-11-20T10:00:00.5+00:00", "failed", None, None)
TASKS = [
    TaskState("bronze_sales", "failed", None, 1.0),
    TaskState("bronze_products", "success", None, 1.0),
    TaskState("dbt_deps", "upstream_failed", None, 0.0),
]
REFUSED = "sales: the source answered with status 401 — set SOURCE_API_KEY"


def report(*failures: Failure) -> Report:
    return Report(bronze=(), rows={}, watermarks=(), new={}, rejected=0, failures=failures)


def explained(home: Home, log: str, *failures: Failure, offset: int = 0) -> RunFailed:
    (home.logs / "run.log").write_text(log, encoding="utf-8")
    return explain(home, RUN, TASKS, report(*failures), log_offset=offset)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("SourceUnavailable", 4),
        ("SourceRefused", 4),
        ("SourceViolation", 4),
        ("DatabaseError", 5),
        ("EntityLocked", 5),
        ("WatermarkLost", 5),
        ("BronzeDamaged", 6),
        ("DataQualityError", 6),
        ("GoldBuildFailed", 1),
        ("ConfigurationError", 3),
    ],
)
def test_the_exit_code_is_that_of_the_error_in_the_log(home: Home, error: str, code: int) -> None:
    log = f"Traceback (most recent call last):\n  File …\nloaders.errors.{error}: it broke — mend it\n"
    failed = explained(home, log)
    assert failed.exit_code == code
    assert failed.message == "bronze_sales failed: it broke"
    assert failed.remedy == "mend it"


def test_the_words_are_those_of_the_etl_log(home: Home) -> None:
    failed = explained(home, "", Failure("bronze", "sales", REFUSED))
    assert failed.message == "bronze_sales failed: sales: the source answered with status 401 (not started: dbt_deps)"
    assert failed.remedy == "set SOURCE_API_KEY"


@pytest.mark.parametrize(("layer", "code"), [("bronze", 4), ("silver", 5), ("gold", 6), ("unheard of", 1)])
def test_without_a_traceback_the_layer_tells_the_likeliest_exit_code(home: Home, layer: str, code: int) -> None:
    assert explained(home, "", Failure(layer, "sales", "it broke")).exit_code == code


def test_with_nothing_to_go_by_it_points_to_the_log(home: Home) -> None:
    failed = explained(home, "Killed\n")
    assert failed.exit_code == 1
    assert str(home.logs / "run.log") in failed.message


def test_what_an_earlier_run_logged_does_not_count(home: Home) -> None:
    earlier = "loaders.errors.BronzeDamaged: an old file\n"
    assert explained(home, earlier, offset=len(earlier)).exit_code == 1


def test_a_log_that_was_rotated_since_is_read_whole(home: Home) -> None:
    assert explained(home, "loaders.errors.BronzeDamaged: a file\n", offset=10_000).exit_code == 6


def test_with_several_errors_the_exit_code_belongs_to_the_words(home: Home) -> None:
    log = f"loaders.errors.SourceRefused: {REFUSED}\nloaders.errors.DatabaseError: disk full — free some\n"
    failed = explained(home, log, Failure("bronze", "sales", REFUSED))
    assert (failed.exit_code, failed.remedy) == (4, "set SOURCE_API_KEY")


def test_a_step_that_had_nothing_to_do_is_not_taken_for_the_error(home: Home) -> None:
    """Its exit code is 0: the failed run would end as if it had been well."""
    log = "loaders.errors.DatabaseError: disk full — free some\nloaders.errors.NothingToDo: Gold has it all — wait\n"
    assert explained(home, log).exit_code == 5
    assert explained(home, "loaders.errors.NothingToDo: Gold has it all — wait\n").exit_code == 1


def test_the_task_logs_of_the_scheduler_are_read_for_this_run_only(home: Home) -> None:
    for run_id, error in ((RUN.run_id, "SourceRefused: status 401 — set it"), ("other", "BronzeDamaged: a file")):
        folder = home.airflow / "logs" / "dag_id=retail_etl_hourly" / f"run_id={run_id}" / "task_id=bronze_sales"
        folder.mkdir(parents=True)
        (folder / "attempt=1.log").write_text(f"loaders.errors.{error}\n", encoding="utf-8")
    failed = explained(home, "")
    assert (failed.exit_code, failed.message, failed.remedy) == (4, "bronze_sales failed: status 401", "set it")
