"""`./retail logs`: which logs there are, and how the lines of a task's log read."""

from __future__ import annotations

import json
import os
from itertools import islice
from pathlib import Path

import pytest

from medallion.errors import ConfigurationError
from stack.commands.logs import find_log, find_logs, follow, last_lines, list_lines, readable
from stack.host.home import Home

DAY = 86_400
EARLIER, LATER = "scheduled__2026-11-22T10:00:00+00:00", "manual__2026-11-22T11:12:13+00:00"


def entry(event: str, level: str = "info", **more: object) -> str:
    return json.dumps({"timestamp": "2026-11-22T11:12:14.583477Z", "level": level, "event": event, **more})


def write(file: Path, *lines: str, moment: float = 1000) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    os.utime(file, (moment, moment))
    return file


def write_task(home: Home, task: str, *lines: str, run: str = LATER, attempt: int = 1, moment: float = 1000) -> Path:
    """A file where Airflow writes it; `task` may end with a map index."""
    folder = home.airflow / "logs" / "dag_id=retail_etl_hourly" / f"run_id={run}" / f"task_id={task}"
    return write(folder / f"attempt={attempt}.log", *lines, moment=moment)


# ---------------------------------------------------------------- which logs there are


def test_services_are_listed_by_name_and_tasks_by_their_last_attempt(home: Home) -> None:
    write(home.logs / "postgres.log", "x" * 1499, moment=1000)
    write(home.logs / "postgres.log.1", "older")
    write_task(home, "bronze_sales", run=EARLIER, attempt=2, moment=5000)
    write_task(home, "bronze_sales", moment=1000 + 2 * DAY)
    write_task(home, "bronze_customers", moment=1000 + 2 * DAY - 90)
    write(home.airflow / "logs" / "dag_processor" / "2026-11-22" / "retail.py.log", "not of a task")
    lines = [line.split(maxsplit=1) for line in list_lines(find_logs(home), now=1000 + 2 * DAY + 59)]
    assert [name for name, _ in lines[1:]] == ["postgres", "bronze_customers", "bronze_sales"]
    of = {name: " ".join(rest.split()) for name, rest in lines}
    assert of["postgres"] == "1.5 kB 2 days ago"
    assert of["bronze_customers"] == f"0.0 kB 2 minutes ago {LATER}, attempt 1"
    assert of["bronze_sales"] == f"0.0 kB just now {LATER}, attempt 1"


def test_of_two_attempts_the_later_one_counts_even_in_the_same_moment(home: Home) -> None:
    for attempt in (2, 10, 9):
        write_task(home, "dbt_test", attempt=attempt)
    assert find_log(home, "dbt_test").attempt == 10


def test_the_log_of_a_mapped_task_is_found_under_the_name_of_the_task(home: Home) -> None:
    file = write_task(home, "pull_range/map_index=3", entry("range 3"))
    assert find_log(home, "pull_range").file == file


@pytest.mark.parametrize("name", ["fly", "*", "../retail", "postgres.log", ""])
def test_an_unknown_name_is_an_error_with_the_names_there_are(home: Home, name: str) -> None:
    write(home.logs / "postgres.log", "x")
    write_task(home, "bronze_sales")
    with pytest.raises(ConfigurationError) as refused:
        find_log(home, name)
    assert refused.value.message == f"there is no log of '{name}'\nthe logs are postgres, bronze_sales"
    assert "./retail logs" in refused.value.remedy


@pytest.mark.parametrize(("name", "said"), [("x" * 5000, "x" * 5000), ("a\nb", "a\\u000ab"), ("\udcff", "\\udcff")])
def test_a_name_that_no_file_can_have_is_unknown_too(home: Home, name: str, said: str) -> None:
    write_task(home, "bronze_sales")
    with pytest.raises(ConfigurationError) as refused:
        find_log(home, name)
    assert refused.value.message == f"there is no log of '{said}'\nthe logs are bronze_sales"


def test_a_log_that_was_moved_away_hides_no_other(home: Home) -> None:
    write(home.logs / "run.log", "x")
    write_task(home, "bronze_sales")
    folder = home.airflow / "logs" / "dag_id=retail_etl_hourly" / f"run_id={LATER}" / "task_id=dbt_test"
    folder.mkdir()
    for link in (home.logs / "gone.log", folder / "attempt=1.log"):
        link.symlink_to(home.path / "nowhere")
    assert [log.name for log in find_logs(home)] == ["run", "bronze_sales"]


def test_before_the_first_run_an_unknown_name_leads_to_it(home: Home) -> None:
    with pytest.raises(ConfigurationError, match="nothing has run yet") as refused:
        find_log(home, "postgres")
    assert "./retail run" in refused.value.remedy


# ---------------------------------------------------------------- how a line reads


def test_a_json_line_reads_as_time_level_and_message() -> None:
    assert readable(entry("nothing new", logger="task", ti_id="7")) == "2026-11-22 11:12:14 info     nothing new"


def test_an_exception_reads_as_its_places_and_its_words() -> None:
    frame = {"filename": "gold/build.py", "lineno": 134, "name": "check_all_gold"}
    error = {"exc_type": "EntityLocked", "exc_value": "an hourly run is under way", "frames": [frame]}
    text = readable(entry("Task failed with exception", "error", error_detail=[error]))
    assert text is not None
    assert text.splitlines() == [
        "2026-11-22 11:12:14 error    Task failed with exception",
        "    gold/build.py:134 in check_all_gold",
        "  EntityLocked: an hourly run is under way",
    ]


@pytest.mark.parametrize("line", ["no JSON", "17", "[1]", '{"level": "info"}', '{"event": "cut', ""])
def test_a_line_that_is_no_entry_stays_as_it_is(line: str) -> None:
    assert readable(line) == line


def test_the_last_lines_are_counted_without_marks_of_the_web_ui_and_shown_without_control_codes(home: Home) -> None:
    lines = [entry("first"), entry("second"), entry("::group::Post"), entry("th\x1b[31mird"), entry("::endgroup::")]
    write_task(home, "dbt_test", *lines)
    shown = last_lines(find_log(home, "dbt_test"), 2)
    assert [line[29:] for line in shown] == ["second", "th\\u001b[31mird"]


def test_the_lines_of_a_service_are_its_own_even_if_they_are_json(home: Home) -> None:
    file = write(home.logs / "source-api.log", entry("x"), "last")
    with file.open("a") as log:
        log.write("without an end")
    assert last_lines(find_log(home, "source-api"), 9) == [entry("x"), "last", "without an end"]


# ---------------------------------------------------------------- as it grows


def test_a_log_is_followed_line_by_line_and_into_the_next_attempt(home: Home) -> None:
    file = write_task(home, "bronze_sales", entry("one"), entry("two"), entry("three"))
    half = entry("four")
    with file.open("a") as log:
        log.write(half[:20])
    lines = follow(home, "bronze_sales", 2)
    assert [line[29:] for line in islice(lines, 2)] == ["two", "three"]
    with file.open("a") as log:
        log.write(half[20:] + "\n")
    assert next(lines)[29:] == "four"
    later = write_task(home, "bronze_sales", entry("again"), attempt=2, moment=file.stat().st_mtime + 5)
    assert [next(lines), next(lines)[29:]] == [f"==> {later}", "again"]


def test_a_service_that_starts_again_with_a_new_file_is_followed(home: Home) -> None:
    file = write(home.logs / "postgres.log", "before")
    lines = follow(home, "postgres", 5)
    assert next(lines) == "before"
    file.replace(file.with_suffix(".log.1"))
    write(file, "after")
    assert [next(lines), next(lines)] == [f"==> {file}", "after"]
