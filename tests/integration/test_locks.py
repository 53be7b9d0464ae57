"""Locks of a step: one holder or many that share, gone with the session, whatever ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from statistics import median

import psycopg2
import pytest
from psycopg2.extensions import connection

from loaders import state_store
from medallion.database import connect
from medallion.errors import EntityLocked
from medallion.schema import prepare_schema
from medallion.settings import PROJECT_ROOT
from medallion.state.locks import entity_lock, locked, range_lock, table_lock
from tests.postgres_server import PostgresServer
from tests.queries import rows

SALES = entity_lock("sales")
HOLD = """
import sys, time
from medallion.database import connect
from medallion.state.locks import entity_lock, locked
with connect(sys.argv[1], application_name="the-first") as conn, locked(conn, entity_lock("sales")):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def other(database_url: str) -> Iterator[connection]:
    with connect(database_url, application_name="the-other") as opened:
        yield opened


def is_free(conn: connection, *, shared: bool = False) -> bool:
    with suppress(EntityLocked), locked(conn, SALES, shared=shared):
        return True
    return False


def test_one_that_wants_it_alone_keeps_all_others_out(conn: connection, other: connection) -> None:
    with locked(conn, SALES):
        assert not is_free(other)
        assert not is_free(other, shared=True)
        with locked(other, entity_lock("customers")), locked(other, table_lock("sales")):
            pass
    assert is_free(other)


def test_a_lock_may_be_named_by_two_words_as_before(conn: connection, other: connection) -> None:
    with state_store.locked(conn, "silver", "customers"):
        for form in ((table_lock("customers"),), ("silver", "customers")):
            with pytest.raises(EntityLocked, match="silver customers"), state_store.locked(other, *form):
                pass
    with state_store.locked(conn, table_lock("customers"), shared=True):
        with state_store.locked(other, "silver", "customers", shared=True):
            pass
        with pytest.raises(EntityLocked), locked(other, table_lock("customers")):
            pass


def test_those_that_share_keep_out_one_that_wants_it_alone(
    conn: connection, other: connection, database_url: str
) -> None:
    with connect(database_url) as third, locked(conn, SALES, shared=True):
        with locked(other, SALES, shared=True):
            assert not is_free(third)
        assert not is_free(third)
        assert is_free(third, shared=True)
    assert is_free(other)


def test_a_session_is_not_in_its_own_way(conn: connection) -> None:
    with locked(conn, SALES), locked(conn, SALES):
        assert rows(conn, "select count(*) from meta.vw_lock_holder") == [(2,)]


def test_nothing_is_left_of_locks_that_were_given_back(conn: connection, other: connection) -> None:
    for first in range(50):
        with locked(conn, SALES, shared=True), locked(conn, range_lock("sales", first)):
            assert not is_free(other)
    assert rows(conn, "select count(*) from meta.lock_holder") == [(0,)]
    assert rows(conn, "select count(*) from pg_locks where locktype = 'advisory'") == [(0,)]


def test_the_holder_is_named_with_its_process_and_since_when(conn: connection, other: connection) -> None:
    with locked(other, SALES), pytest.raises(EntityLocked) as caught, locked(conn, SALES):
        pass
    pid = other.info.backend_pid
    assert caught.value.message.startswith(
        f"bronze sales is being worked on by another run: pid {pid} (the-other) since "
    )


# ---------------------------------------------------------------- holders that are gone


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_holder_that_was_killed_has_given_it_back_within_seconds(
    conn: connection, database_url: str, how: signal.Signals
) -> None:
    command = [sys.executable, "-c", HOLD, database_url]
    with subprocess.Popen(command, cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert not is_free(conn)
        holder.send_signal(how)
        holder.wait()
    deadline = time.monotonic() + 5
    while not is_free(conn):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_session_that_was_cut_has_given_it_back_though_its_process_sleeps(
    conn: connection, database_url: str
) -> None:
    command = [sys.executable, "-c", HOLD, database_url]
    with subprocess.Popen(command, cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        os.kill(holder.pid, signal.SIGSTOP)
        assert not is_free(conn)
        cut = "select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = 'the-first'"
        assert rows(conn, cut) == [(True,)]
        assert is_free(conn)
        os.kill(holder.pid, signal.SIGKILL)


@pytest.mark.parametrize("shared", [False, True])
def test_a_number_that_another_session_has_inherited_is_no_holder(
    conn: connection, other: connection, shared: bool
) -> None:
    """The row of a session that died, and its process number now another session's of the same role."""
    values = (1234567890123, *SALES, shared, other.info.backend_pid)
    with conn, conn.cursor() as cursor:
        insert = "insert into meta.lock_holder (token, space, name, is_shared, pid) values (%s, %s, %s, %s, %s)"
        cursor.execute(insert, values)
    assert rows(conn, "select count(*) from meta.vw_lock_holder") == [(0,)]
    assert is_free(conn)
    assert rows(conn, "select count(*) from meta.lock_holder") == [(0,)]


def test_a_token_that_a_session_of_another_role_holds_is_no_sign_of_life(conn: connection, other: connection) -> None:
    """Even one that has inherited the number, and found the token in pg_locks while it was held."""
    insert = """
        insert into meta.lock_holder (token, space, name, is_shared, pid, role_name)
        values (4711, 'bronze', 'sales', false, %s, 'retail_ingestion')
    """
    with other, other.cursor() as cursor:
        cursor.execute("select pg_advisory_lock(4711)")
        cursor.execute(insert, [other.info.backend_pid])
    assert is_free(conn)


# ---------------------------------------------------------------- many at once


def at_once(url: str, sessions: int, work: Callable[[connection], None]) -> None:
    """Have so many sessions do it side by side; what any of them raises, the test raises."""
    barrier = threading.Barrier(sessions)

    def begin() -> None:
        with connect(url) as own:
            barrier.wait(timeout=30)
            work(own)

    with ThreadPoolExecutor(sessions) as pool:
        for done in [pool.submit(begin) for _ in range(sessions)]:
            done.result()


def test_of_many_that_want_it_at_once_one_has_it_at_a_time(database_url: str) -> None:
    inside, most, taken = 0, 0, 0
    guard = threading.Lock()

    def work(own: connection) -> None:
        nonlocal inside, most, taken
        for _ in range(40):
            with suppress(EntityLocked), locked(own, SALES):
                with guard:
                    inside, taken = inside + 1, taken + 1
                    most = max(most, inside)
                time.sleep(0.001)
                with guard:
                    inside -= 1

    at_once(database_url, 6, work)
    assert most == 1
    assert taken > 1


def test_of_many_that_share_none_is_refused(database_url: str) -> None:
    def work(own: connection) -> None:
        for _ in range(20):
            with locked(own, SALES, shared=True):
                pass

    at_once(database_url, 6, work)


def test_a_lock_is_taken_and_given_back_in_milliseconds(database_url: str) -> None:
    """Beside as many sessions as a busy platform has; the bound is generous, a lock took under 2 ms."""
    with ExitStack() as held:
        for number in range(20):
            conn = held.enter_context(connect(database_url))
            held.enter_context(locked(conn, range_lock("sales", number)))
        own = held.enter_context(connect(database_url))
        seconds = []
        for _ in range(50):
            began = time.perf_counter()
            with locked(own, SALES):
                seconds.append(time.perf_counter() - began)
    assert median(seconds) < 0.02


# ---------------------------------------------------------------- the schema


@contextmanager
def empty_database(server: PostgresServer) -> Iterator[str]:
    name = f"empty_{uuid.uuid4().hex[:8]}"
    with closing(psycopg2.connect(server.url("postgres"))) as admin, admin.cursor() as cursor:
        admin.autocommit = True
        cursor.execute(f"create database {name}")
        try:
            yield server.url(name)
        finally:
            cursor.execute(f"drop database {name} with (force)")


def test_a_schema_that_several_apply_at_once_to_an_empty_database_is_whole(postgres_server: PostgresServer) -> None:
    with empty_database(postgres_server) as url:
        at_once(url, 4, lambda own: prepare_schema(own, even_if_unchanged=True))
        with connect(url) as conn:
            assert rows(conn, "select count(*) from meta.applied_schema") == [(1,)]


@pytest.mark.parametrize("takes", ["{silver.customers}", "{}"])
def test_two_builds_of_a_model_follow_each_other(conn: connection, other: connection, takes: str) -> None:
    """By the model's own lock: one that takes no increments has no row of meta.gold_state to wait for."""
    opened = f"select meta.open_gold('dim_customer', '{takes}', '{{}}', false, 'r')"
    with conn.cursor() as cursor, other.cursor() as second, ThreadPoolExecutor(1) as pool:
        cursor.execute(opened)
        second.execute("select meta.open_gold('dim_product', '{silver.products}', '{}', false, 'r')")
        other.rollback()
        waiting = pool.submit(second.execute, opened)
        try:
            wait_until_blocked(conn, other)
            assert not waiting.done()
        finally:
            conn.rollback()
        waiting.result(timeout=30)


def wait_until_blocked(by: connection, blocked: connection) -> None:
    """Return once one session waits for the other.

    The holder asks. A timeout of the server would be shorter, but does not end a wait at a shifted date.
    """
    deadline = time.monotonic() + 30
    question = f"select pg_backend_pid() = any(pg_blocking_pids({blocked.info.backend_pid}))"
    with by.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute(question)
            if cursor.fetchone() == (True,):
                return
            time.sleep(0.02)
    raise AssertionError("the second session does not wait")
