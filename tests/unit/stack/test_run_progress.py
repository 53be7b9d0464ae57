"""What `./retail run` prints while it follows a run."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from stack.commands.run_progress import RunProgress
from stack.host.console import Talk
from stack.services.airflow.metadata import TaskState

WAIT = "2026-11-06T12:00:00Z [warning  ] source: GET http://a/sales: refused; attempt {} in {} s [ingestion.client]\n"
NOT_OFFERED = (
    "2026-11-06T12:00:00Z [warning  ] stores: the source does not offer them (status 404); nothing is pulled "
    "[ingestion.collector]\n"
)
NIGHTLY_FAILED = "the nightly tables failed, and wait for the nightly run: dbt could not build one [twice]"
GOLD = (
    "2026-11-06T12:00:00Z [info     ] gold: 1,204 lines re-pointed by late versions [gold.build]\n"
    f"2026-11-06T12:00:00Z [warning  ] gold: {NIGHTLY_FAILED} [gold.build] loc=build.py:157\n"
)


@pytest.fixture
def console() -> Console:
    return Console(record=True, width=200)


def test_a_try_that_failed_is_shown_once_and_the_end_too(console: Console, tmp_path: Path) -> None:
    progress = RunProgress(Talk(console), tmp_path / "run.log")
    waiting = TaskState("bronze_sales", "up_for_retry", None, 1.0, 1, 3)
    progress.show([waiting])
    progress.show([waiting])
    progress.show(
        [TaskState("bronze_sales", "failed", None, 1.0, 3, 3), TaskState("dbt_deps", "upstream_failed", None, 0)]
    )
    lines = console.export_text().splitlines()
    assert [" ".join(line.split()) for line in lines] == [
        "✗ bronze_sales 1.0 s attempt 1 of 3 failed; Airflow tries again",
        "✗ bronze_sales 1.0 s failed",
        "- dbt_deps not started",
    ]


def test_a_wait_that_a_person_notices_is_shown_once(console: Console, tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    log.write_text(WAIT.format(2, "9.0"))
    progress = RunProgress(Talk(console), log)
    with log.open("a") as stream:
        stream.write(WAIT.format(2, "1.9") + WAIT.format(3, "12.4") + WAIT.format(4, "20.0")[:-20])
        stream.flush()
        progress.show_waits()
        progress.show_waits()
        stream.write(WAIT[-20:])
    progress.show_waits()
    assert console.export_text().splitlines() == [
        "  waiting: source: GET http://a/sales: refused; attempt 3 in 12 s",
        "  waiting: source: GET http://a/sales: refused; attempt 4 in 20 s",
    ]


@pytest.mark.parametrize(
    ("logged", "shown"),
    [
        (NOT_OFFERED, ["warning: stores: the source does not offer them (status 404); nothing is pulled"]),
        (GOLD, [f"warning: {NIGHTLY_FAILED}", "  1,204 lines re-pointed by late versions"]),
    ],
)
def test_what_a_step_has_to_say_is_shown_once(console: Console, tmp_path: Path, logged: str, shown: list[str]) -> None:
    log = tmp_path / "run.log"
    progress = RunProgress(Talk(console), log)
    log.write_text(logged * 2)
    progress.show_waits()
    progress.show_waits()
    assert console.export_text().splitlines() == shown


def test_a_log_that_is_missing_or_was_begun_again_is_followed(console: Console, tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    progress = RunProgress(Talk(console), log)
    progress.show_waits()
    log.write_text("x" * 500 + "\n")
    progress.show_waits()
    log.write_text(WAIT.format(2, "3.0"))
    progress.show_waits()
    assert console.export_text().count("waiting") == 1
