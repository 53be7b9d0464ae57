"""Messages of incidents: one per run and cause, one at its end; nothing is locked while it is sent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from psycopg2.extensions import connection

from medallion.alerting.failure import Failure, failure_of
from medallion.alerting.incidents import close_incidents, record_failure
from medallion.alerting.messages import LEASE_SECONDS, Incident
from medallion.database import connect
from medallion.errors import BronzeWriteFailed, DatabaseError, RetailError, SourceRefused, SourceUnavailable
from medallion.schema import prepare_schema
from tests.former_versions import BEFORE_NUMBERS
from tests.queries import rows

DAG = "retail_etl_hourly"
PULLS = ("bronze_customers", "bronze_products", "bronze_sales")
MESSAGES = "select status, pending_channels, sender from meta.incident_message order by message_id"


def down(entity: str) -> SourceUnavailable:
    cursor = {"customers": "None", "products": "1793369567~40", "sales": "17"}[entity]
    return SourceUnavailable(
        f"GET http://127.0.0.1:41/{entity} (cursor {cursor}): ConnectError: [Errno 111] Connection refused",
        remedy="check that the source API runs",
    )


def full(entity: str) -> BronzeWriteFailed:
    path = {"sales": "sales_customer/2026-11-06/3-0.ndjson"}.get(entity, f"{entity}/2026-11-06/1-0.ndjson")
    return BronzeWriteFailed(path=path, reason="No space left on device")


def locked(entity: str) -> DatabaseError:
    number = len(entity)
    return DatabaseError(
        f"silver {entity} gave no lock within 6{number} s: held by pid 1{number} (run {entity} of somebody)",
        remedy="wait",
    )


def refused(entity: str, status: int = 401) -> SourceRefused:
    return SourceRefused(f"GET http://127.0.0.1:41/{entity} (cursor None): status {status}", remedy="set the key")


def killed(_entity: str) -> None:
    """A process that was killed leaves no error."""


def failed(task_id: str, error: RetailError | None, run_id: str = "run 1", try_number: int | None = 1) -> Failure:
    return failure_of(error, dag_id=DAG, task_id=task_id, run_id=run_id, try_number=try_number, command="./retail run")


def all_pulls(error: Callable[[str], RetailError | None], run_id: str = "run 1") -> list[Failure]:
    return [failed(task_id, error(task_id.removeprefix("bronze_")), run_id) for task_id in PULLS]


class Channel:
    """Who is notified; refuses while `down`."""

    def __init__(self, *, down: bool = False) -> None:
        self.down = down
        self.heard: list[Incident] = []

    def __call__(self, incident: Incident) -> None:
        if self.down:
            raise OSError("no answer")
        self.heard.append(incident)

    def said(self) -> list[tuple[str, tuple[str, ...]]]:
        return [(one.status, one.tasks) for one in self.heard]


class Blocking(Channel):
    """A channel that takes a message only when the test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.has_begun, self.may_end = threading.Event(), threading.Event()

    def __call__(self, incident: Incident) -> None:
        self.has_begun.set()
        assert self.may_end.wait(60)
        super().__call__(incident)


@contextmanager
def while_it_sends(url: str, channel: Blocking, failure: Failure) -> Iterator[None]:
    """Within, another session sends the message of that failure, and is not through yet."""

    def send() -> None:
        with connect(url) as conn:
            record_failure(conn, failure, None, {"email": channel})

    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send)
        assert channel.has_begun.wait(60)
        try:
            yield
        finally:
            channel.may_end.set()
            sending.result(60)


# ---------------------------------------------------------------- one per run and cause


@pytest.mark.parametrize("cause", [down, full, locked, refused, killed], ids=lambda cause: cause.__name__)
def test_one_cause_that_fails_several_tasks_of_a_run_is_one_message(
    conn: connection, cause: Callable[[str], RetailError | None]
) -> None:
    channel = Channel()
    for failure in all_pulls(cause):
        record_failure(conn, failure, None, {"email": channel})
    assert channel.said() == [("OPEN", ("bronze_customers",))]
    assert rows(conn, "select count(*), count(distinct message_id) from meta.incident where status = 'OPEN'") == [
        (3, 1)
    ]


def test_distinct_causes_of_a_run_are_a_message_each(conn: connection) -> None:
    channel = Channel()
    of_a_run = [
        failed("bronze_customers", down("customers")),
        failed("bronze_products", refused("products", 401)),
        failed("bronze_sales", refused("sales", 403)),
        failed("silver_load_products", full("products")),
        failed("dbt_test", None, try_number=None),
    ]
    for failure in of_a_run:
        record_failure(conn, failure, None, {"email": channel})
    assert channel.said() == [("OPEN", (failure.task_id,)) for failure in of_a_run]


def test_another_run_with_the_cause_tells_of_the_tasks_that_failed_newly(conn: connection) -> None:
    channel = Channel()
    for failure in [*all_pulls(down)[:1], *all_pulls(down, "run 2")]:
        record_failure(conn, failure, None, {"email": channel})
    assert channel.said() == [("OPEN", ("bronze_customers",)), ("OPEN", ("bronze_products",))]


def test_a_retry_and_a_second_report_add_no_message(conn: connection) -> None:
    channel = Channel()
    for failure in [*all_pulls(down), *all_pulls(down), *(replace(one, try_number=2) for one in all_pulls(full))]:
        record_failure(conn, failure, None, {"email": channel})
    assert len(channel.heard) == 1


def test_tasks_that_fail_at_once_in_processes_of_their_own_are_one_message(database_url: str, conn: connection) -> None:
    for run in range(10):
        channel = Channel()
        failures = all_pulls(down, f"run {run}")
        together = threading.Barrier(len(failures))

        def report(failure: Failure, channel: Channel = channel, together: threading.Barrier = together) -> None:
            with connect(database_url) as own:
                together.wait()
                record_failure(own, failure, None, {"email": channel})

        with ThreadPoolExecutor(len(failures)) as pool:
            list(pool.map(report, failures))
        assert [one.status for one in channel.heard] == ["OPEN"]
        close_incidents(conn, DAG, PULLS, {})


def test_a_message_that_could_not_be_sent_lists_every_task_when_it_is(conn: connection) -> None:
    channel = Channel(down=True)
    for failure in all_pulls(down)[:2]:
        record_failure(conn, failure, None, {"email": channel})
    channel.down = False
    record_failure(conn, all_pulls(down)[2], None, {"email": channel})
    assert channel.said() == [("OPEN", PULLS)]
    (message,) = channel.heard
    assert message.headline() == "customers and 2 more: failed (retail_etl_hourly bronze_customers)"
    assert message.lines()["task"] == "retail_etl_hourly bronze_customers, bronze_products, bronze_sales"
    assert message.as_json()["tasks"] == list(PULLS)


# ---------------------------------------------------------------- the end


def test_the_end_is_told_once_when_all_of_them_are_well(conn: connection) -> None:
    channel = Channel()
    for failure in all_pulls(down):
        record_failure(conn, failure, None, {"email": channel})
    for task_id in PULLS:
        assert [one.status for one in channel.heard] == ["OPEN"]
        close_incidents(conn, DAG, [task_id], {"email": channel})
    assert channel.said()[1:] == [("CLOSED", PULLS)]
    assert channel.heard[1].headline().startswith("customers and 2 more: resolved")
    assert "closed" in channel.heard[1].lines()
    for task_id in PULLS:
        close_incidents(conn, DAG, [task_id], {"email": channel})
    assert len(channel.heard) == 2
    assert rows(conn, MESSAGES) == [("CLOSED", [], None)]


def test_two_that_close_the_last_tasks_at_once_tell_the_end_once(database_url: str, conn: connection) -> None:
    for run in range(10):
        channel = Channel()
        for failure in all_pulls(down, f"run {run}"):
            record_failure(conn, failure, None, {})
        together = threading.Barrier(len(PULLS))

        def close(task_id: str, channel: Channel = channel, together: threading.Barrier = together) -> None:
            with connect(database_url) as own:
                together.wait()
                close_incidents(own, DAG, [task_id], {"email": channel})

        with ThreadPoolExecutor(len(PULLS)) as pool:
            list(pool.map(close, PULLS))
        assert channel.said() == [("CLOSED", PULLS)]


def test_a_task_that_fails_again_after_the_end_is_a_new_message(conn: connection) -> None:
    channel = Channel()
    (failure, *_) = all_pulls(down)
    for _ in range(2):
        record_failure(conn, failure, None, {"email": channel})
        close_incidents(conn, DAG, [failure.task_id], {"email": channel})
    assert [one.status for one in channel.heard] == ["OPEN", "CLOSED", "OPEN", "CLOSED"]


# ---------------------------------------------------------------- while it is sent


def test_no_session_waits_while_a_message_is_sent(database_url: str, conn: connection) -> None:
    channel, other = Blocking(), Channel()
    customers, products, _ = all_pulls(down)
    with while_it_sends(database_url, channel, customers):
        with conn, conn.cursor() as cursor:
            cursor.execute("set lock_timeout to '500ms'")
            cursor.execute("update meta.incident set times = times + 1")
            cursor.execute("update meta.incident_message set dag_id = dag_id")
            cursor.execute("select from meta.incident, meta.incident_message for update nowait")
        record_failure(conn, products, None, {"email": other})  # joins the message that is being sent
        record_failure(conn, failed("bronze_sales", refused("sales")), None, {"email": other})
        close_incidents(conn, DAG, ["bronze_sales"], {"email": other})
    assert channel.said() == [("OPEN", ("bronze_customers",))]
    assert other.said() == [("OPEN", ("bronze_sales",)), ("CLOSED", ("bronze_sales",))]


def test_what_ends_while_it_is_sent_is_told_after_it_by_the_same_sender(database_url: str, conn: connection) -> None:
    channel, other = Blocking(), Channel()
    (customers, *_) = all_pulls(down)
    with while_it_sends(database_url, channel, customers):
        close_incidents(conn, DAG, [customers.task_id], {"email": other})
        assert other.heard == []  # another sends it: two never do at once
    assert [one.status for one in channel.heard] == ["OPEN", "CLOSED"]
    assert rows(conn, MESSAGES) == [("CLOSED", [], None)]


def test_a_sender_that_died_is_followed_by_another_once_its_time_is_over(conn: connection) -> None:
    (customers, *_) = all_pulls(down)
    record_failure(conn, customers, None, {"email": Channel(down=True)})
    for age, heard in ((LEASE_SECONDS - 30, 0), (LEASE_SECONDS + 30, 1), (-LEASE_SECONDS - 30, 1)):
        with conn, conn.cursor() as cursor:
            cursor.execute(
                "update meta.incident_message set pending_channels = '{email}', sender = gen_random_uuid(),"
                " claimed_at = clock_timestamp() - %s * interval '1 second'",
                (age,),
            )
        channel = Channel()
        record_failure(conn, customers, None, {"email": channel})
        assert len(channel.heard) == heard, age
    assert rows(conn, MESSAGES) == [("OPEN", [], None)]


def test_a_session_that_is_lost_while_it_sends_leaves_a_message_that_is_sent_again(
    database_url: str, conn: connection
) -> None:
    channel = Blocking()
    (customers, *_) = all_pulls(down)
    with while_it_sends(database_url, channel, customers):
        with conn, conn.cursor() as cursor:
            cursor.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid()"
            )
    ((status, pending_channels, sender),) = rows(conn, MESSAGES)
    assert (status, pending_channels) == ("OPEN", ["email"])
    assert sender is not None
    with conn, conn.cursor() as cursor:
        cursor.execute("update meta.incident_message set claimed_at = claimed_at - interval '1 day'")
    again = Channel()
    record_failure(conn, customers, None, {"email": again})
    assert [one.status for one in again.heard] == ["OPEN"]


# ---------------------------------------------------------------- a warehouse of an older version

OLDER = f"""
    {BEFORE_NUMBERS}
    alter table meta.incident drop column message_id;
    alter table meta.incident add column untold text[] not null default '{{}}';
    drop table meta.incident_message;
    insert into meta.incident (dag_id, task_id, entity, run_id, cause, remedy, untold, status, closed_at)
    values
    ('retail_etl_hourly', 'bronze_sales', 'sales', 'old', 'down', 'wait', '{{email}}', 'OPEN', null),
    ('retail_etl_hourly', 'bronze_products', 'products', 'old', 'down', 'wait', '{{}}', 'OPEN', null),
    ('retail_etl_hourly', 'dbt_test', 'dbt_test', 'old', 'red', 'wait', '{{email}}', 'CLOSED', now()),
    ('retail_etl_hourly', 'dbt_deps', 'dbt_deps', 'old', 'red', 'wait', '{{}}', 'CLOSED', now());
"""


def test_incidents_of_an_older_version_are_told_and_closed(conn: connection) -> None:
    with conn, conn.cursor() as cursor:
        cursor.execute(OLDER)
    for _ in range(2):
        prepare_schema(conn, even_if_unchanged=True)
    channel: Any = Channel()
    close_incidents(conn, DAG, ["dbt_test"], {"email": channel})
    assert channel.said() == [("CLOSED", ("dbt_test",))]
    close_incidents(conn, DAG, ["bronze_sales", "bronze_products", "dbt_deps"], {"email": channel})
    assert sorted(channel.said()[1:]) == [("CLOSED", ("bronze_products",)), ("CLOSED", ("bronze_sales",))]
    assert rows(conn, "select count(*) from meta.incident_message") == [(3,)]
