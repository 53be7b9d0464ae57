"""An incident's life in the warehouse: opened once, counted once per failure, notified once, closed once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import psycopg2
import pytest
from psycopg2.extensions import connection

from medallion.alerting.failure import RUN, failure_of
from medallion.alerting.incidents import Incident, close_incidents, hour_began, record_failure
from medallion.database import connect, transaction
from medallion.errors import DatabaseError, SourceRefused
from medallion.settings import Settings
from medallion.state.loads import logged_load
from stack.services.open_incidents import read_incidents
from tests.queries import rows

DAG = "retail_etl_hourly"
REFUSED = SourceRefused("the source refuses the key (401)", remedy="set SOURCE_API_KEY")
FAILURE = failure_of(REFUSED, dag_id=DAG, task_id="bronze_sales", run_id="run 1", try_number=1, command="./retail run")
SILENT = failure_of(None, dag_id=DAG, task_id="bronze_sales", run_id="run 1", try_number=None, command="./retail run")
COUNTED = "select status, times, run_id, cause from meta.incident order by incident_id"


class Channel:
    """Who is notified; refuses while `down`."""

    def __init__(self, *, down: bool = False, seconds: float = 0) -> None:
        self.down, self.seconds = down, seconds
        self.heard: list[Incident] = []

    def __call__(self, incident: Incident) -> None:
        time.sleep(self.seconds)
        if self.down:
            raise OSError("nobody listens")
        self.heard.append(incident)


def states(channel: Channel) -> list[str]:
    return [incident.status for incident in channel.heard]


def in_threads(url: str, work: Iterable[Callable[[connection], None]]) -> None:
    """Each in a thread with a connection of its own, all at once."""
    steps = list(work)
    together = threading.Barrier(len(steps))

    def one(step: Callable[[connection], None]) -> None:
        with connect(url) as conn:
            together.wait()
            step(conn)

    with ThreadPoolExecutor(len(steps)) as pool:
        list(pool.map(one, steps))


def test_runs_that_fail_at_once_open_one_incident_and_all_count(database_url: str, conn: connection) -> None:
    channel = Channel(seconds=0.05)
    failures = [replace(FAILURE, run_id=f"run {number}") for number in range(8)]
    in_threads(
        database_url,
        [lambda conn, one=one: record_failure(conn, one, None, {"webhook": channel}) for one in failures],
    )
    assert rows(conn, "select status, times from meta.incident") == [("OPEN", 8)]
    assert rows(conn, "select pending_channels from meta.incident_message") == [([],)]
    assert len(channel.heard) == 1


def test_a_failure_that_is_reported_several_times_counts_once(conn: connection) -> None:
    """By the task, twice for a lost heartbeat, and by the end of the run, in any order."""
    for report in (SILENT, FAILURE, FAILURE, SILENT):
        record_failure(conn, report, None, {})
    assert rows(conn, COUNTED) == [("OPEN", 1, "run 1", "the source refuses the key (401)")]
    record_failure(conn, replace(FAILURE, try_number=2), None, {})  # cleared, and failed again
    record_failure(conn, replace(SILENT, run_id="run 2"), None, {})
    assert rows(conn, COUNTED) == [("OPEN", 3, "run 2", SILENT.cause)]


def test_a_report_that_comes_after_the_end_opens_nothing(conn: connection) -> None:
    record_failure(conn, FAILURE, None, {})
    close_incidents(conn, DAG, ["bronze_sales"], {})
    record_failure(conn, SILENT, None, {})
    assert [row[0] for row in rows(conn, COUNTED)] == ["CLOSED"]
    record_failure(conn, FAILURE, None, {})
    assert [row[0] for row in rows(conn, COUNTED)] == ["CLOSED", "OPEN"]


def test_the_batch_is_the_last_load_of_the_step_in_that_run(conn: connection) -> None:
    with logged_load(conn, run_id="run 0", layer="bronze", dataset="sales"):
        pass
    with pytest.raises(SourceRefused), logged_load(conn, run_id="run 1", layer="bronze", dataset="sales") as load_id:
        raise REFUSED
    with logged_load(conn, run_id="run 1", layer="bronze", dataset="customers"):
        pass
    record_failure(conn, FAILURE, None, {})
    assert rows(conn, "select load_id, entity from meta.incident") == [(load_id, "sales")]


def test_what_a_channel_did_not_take_is_sent_again_and_what_it_took_is_not(conn: connection) -> None:
    down, up = Channel(down=True), Channel()
    channels = {"email": down, "webhook": up}
    for run in ("run 1", "run 2"):
        record_failure(conn, replace(FAILURE, run_id=run), None, channels)
    assert (states(down), states(up)) == ([], ["OPEN"])
    down.down = False
    record_failure(conn, replace(FAILURE, run_id="run 3"), None, channels)
    record_failure(conn, replace(FAILURE, run_id="run 4"), None, channels)
    assert (states(down), states(up)) == (["OPEN"], ["OPEN"])
    assert down.heard[0].times == 3
    down.down = True
    close_incidents(conn, DAG, ["bronze_sales"], channels)
    down.down = False
    for _ in range(2):
        close_incidents(conn, DAG, ["bronze_sales"], channels)
    assert (states(down), states(up)) == (["OPEN", "CLOSED"], ["OPEN", "CLOSED"])


def test_whoever_is_configured_later_hears_of_the_next_incident_only(conn: connection) -> None:
    record_failure(conn, FAILURE, None, {})
    close_incidents(conn, DAG, ["bronze_sales"], {})
    channel = Channel()
    close_incidents(conn, DAG, ["bronze_sales"], {"email": channel})
    assert channel.heard == []


def test_two_that_tell_at_once_tell_it_once(database_url: str, conn: connection) -> None:
    record_failure(conn, FAILURE, None, {"email": Channel(down=True)})
    channel = Channel(seconds=0.3)
    again: Any = lambda conn: record_failure(conn, FAILURE, None, {"email": channel})  # noqa: E731
    in_threads(database_url, [again, again, again])
    assert states(channel) == ["OPEN"]


def test_words_are_bounded_on_one_line_and_without_secrets(conn: connection) -> None:
    settings = Settings(database_url="postgresql://retail:p%23ss-canary@host/db", source_api_key="key-canary")
    words = "p#ss-canary p%23ss-canary key-canary at mysql://me:other-canary@there\n\0" + "é" * 5000
    error = ValueError(words)
    failure = failure_of(error, dag_id=DAG, task_id="dbt_test", run_id="r", try_number=1, command="./retail run")
    record_failure(conn, failure, settings, {})
    ((cause,),) = rows(conn, "select cause from meta.incident")
    assert cause.startswith("ValueError: *** *** *** at mysql://me:***@there éé")
    assert len(cause) == 1000
    assert "canary" not in cause
    assert "\n" not in cause


def test_the_error_of_ours_behind_airflows_says_what_and_what_to_do() -> None:
    wrapped = RuntimeError("wrapped")
    wrapped.__cause__ = REFUSED
    failure = failure_of(wrapped, dag_id=DAG, task_id="bronze_sales", run_id="r", try_number=1, command="./retail run")
    assert (failure.cause, failure.remedy) == (REFUSED.message, "set SOURCE_API_KEY; then ./retail run")


def test_an_error_behind_airflows_is_logged_once_and_named_by_the_incident(conn: connection) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    error = ZeroDivisionError("by 0")
    with pytest.raises(ZeroDivisionError), logged_load(conn, run_id="run 1", layer="bronze", dataset="sales"):
        raise error
    wrapped = AirflowFailException(str(error))
    wrapped.__cause__ = error
    where: Any = {"dag_id": DAG, "task_id": "bronze_sales", "run_id": "run 1", "try_number": 1}
    record_failure(conn, failure_of(wrapped, **where, command="./retail run"), None, {})
    assert rows(conn, "select status, error_type from meta.load") == [("FAILED", "ZeroDivisionError")]
    assert rows(conn, "select cause from meta.incident") == [("ZeroDivisionError: by 0",)]
    alone = failure_of(AirflowFailException("by hand"), **where, command="./retail run")
    assert (alone.kind, alone.cause) == ("AirflowFailException", "AirflowFailException: by hand")


def test_the_table_itself_refuses_a_second_open_incident(conn: connection) -> None:
    record_failure(conn, FAILURE, None, {})
    copy = """
        insert into meta.incident (dag_id, task_id, entity, run_id, cause, remedy)
        select dag_id, task_id, entity, run_id, cause, remedy from meta.incident
    """
    with pytest.raises(DatabaseError) as refused, transaction(conn), conn.cursor() as cursor:
        cursor.execute(copy)
    assert isinstance(refused.value.__cause__, psycopg2.errors.UniqueViolation)


def test_the_hour_before_is_that_of_another_run(conn: connection) -> None:
    assert hour_began(conn, besides="run 2") is None
    for run in ("run 1", "run 2"):
        with logged_load(conn, run_id=run, layer="bronze", dataset="sales"):
            pass
    ((began,),) = rows(conn, "select started_at from meta.load where run_id = 'run 1'")
    assert hour_began(conn, besides="run 2") == began


def test_the_status_has_the_open_ones_only(conn: connection, database_url: str) -> None:
    record_failure(conn, FAILURE, None, {})
    record_failure(conn, replace(FAILURE, task_id=RUN), None, {})
    close_incidents(conn, DAG, [RUN], {})
    (found,) = read_incidents(database_url)
    assert (found.entity, found.times, found.remedy) == ("sales", 1, "set SOURCE_API_KEY; then ./retail run")


def test_the_status_of_a_warehouse_without_the_table_has_none(conn: connection, database_url: str) -> None:
    with conn, conn.cursor() as cursor:
        cursor.execute("drop table meta.incident")
    assert read_incidents(database_url) == ()


LOGGED = "select layer, dataset, error_type, remedy, exit_code from meta.load where status = 'FAILED' order by load_id"


def test_a_step_that_failed_before_it_could_log_it_is_logged_with_its_incident(conn: connection) -> None:
    record_failure(conn, FAILURE, None, {})
    record_failure(conn, SILENT, None, {})  # the end of the run reports the same failure
    assert rows(conn, LOGGED) == [("bronze", "sales", "SourceRefused", "set SOURCE_API_KEY", 4)]
    assert rows(conn, "select load_id from meta.incident") == rows(conn, "select load_id from meta.load")


def test_a_step_that_has_logged_its_failure_or_may_still_be_at_work_is_not_logged_again(conn: connection) -> None:
    with pytest.raises(SourceRefused), logged_load(conn, run_id="run 1", layer="bronze", dataset="sales"):
        raise REFUSED
    record_failure(conn, FAILURE, None, {})
    with logged_load(conn, run_id="run 2", layer="bronze", dataset="sales"):
        record_failure(conn, replace(SILENT, run_id="run 2"), None, {})
    assert len(rows(conn, LOGGED)) == 1


def test_a_process_that_was_killed_is_logged_without_a_type(conn: connection) -> None:
    record_failure(conn, SILENT, None, {})
    assert rows(conn, LOGGED) == [("bronze", "sales", None, SILENT.own_remedy, 1)]


def test_a_task_of_no_layer_and_a_run_are_not_in_the_log(conn: connection) -> None:
    for task_id in ("verify_bronze", RUN):
        record_failure(conn, replace(FAILURE, task_id=task_id), None, {})
    assert rows(conn, LOGGED) == []
