"""The warehouse goes away in the middle: a connection is ended, the server is killed and comes back."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pytest

from medallion.database import connect
from medallion.errors import DatabaseError
from medallion.schema import prepare_schema
from tests import postgres_server
from tests.faults.conftest import Injection, made_world
from tests.faults.oracle import check_at_once, check_recovered
from tests.faults.phases import PHASES, copying, is_caught, receipting
from tests.faults.world import COLLECT, LOAD, Ended, World, ended_at_last, ending
from tests.postgres_server import PostgresServer, running_server


def check_told(ended: Ended) -> None:
    """The error says that it was the warehouse, in one line and not in a traceback."""
    assert ended.code == 5, ended.said
    assert len(re.findall(r"^error: the warehouse .+\n  why: .+\n   do: .+$", ended.said, re.MULTILINE)) == 1, (
        ended.said
    )
    assert "Traceback" not in ended.said


@pytest.mark.parametrize("phase", PHASES)
def test_a_connection_that_is_ended_rolls_back_and_the_next_run_goes_on(
    world: World, injected: Injection, phase: str
) -> None:
    module, held_up = PHASES[phase]
    if module == LOAD:
        world.collect_in_peace()
    with held_up(world), ended_at_last(world.start(module)) as process:
        world.wait_until(lambda: is_caught(world))
        assert world.end_other_connections(f"application_name = 'retail' and {BUSY[phase]}") == 1
        world.ledger.release()
        ended = ending(process)
        injected()
    check_told(ended)
    check_at_once(world)
    world.run_clean()
    check_recovered(world)


# which of the connections to the warehouse is the step's, the other one being the phase's own
BUSY = {"pulling": "true", "receipting": "wait_event_type = 'Lock'", "copying": "wait_event_type = 'Lock'"}


@dataclass
class OwnServer:
    """A server that a test may kill. `folder` is its data directory."""

    server: PostgresServer
    folder: Path

    def kill(self) -> None:
        """As the kernel does when memory runs out: no goodbye, no checkpoint."""
        os.kill(int((self.folder / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)

    def start(self) -> None:
        """Its former processes may need a moment to notice that their parent is gone."""
        options = (self.folder / "postmaster.opts").read_text().split(maxsplit=1)[1].replace('"', "'")
        for _ in range(20):
            try:
                postgres_server._run("pg_ctl", "-D", str(self.folder), "-o", options, "-w", "start")
            except subprocess.CalledProcessError:
                continue
            return
        raise TimeoutError("the server did not start again")


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServer]:
    with running_server(tmp_path_factory.mktemp("own-postgres")) as server:
        with closing(psycopg2.connect(server.url("postgres"))) as conn, conn.cursor() as cursor:
            cursor.execute("show data_directory")
            (folder,) = cursor.fetchone() or ("",)
        yield OwnServer(server, Path(folder))


@pytest.fixture
def fragile_world(own_server: OwnServer, tmp_path: Path) -> Iterator[World]:
    """A world on the server that is going to be killed, emptied of what the test before left."""
    url = own_server.server.url("postgres")
    with connect(url) as conn, conn.cursor() as cursor:
        cursor.execute("drop schema if exists meta, silver, gold cascade")
        conn.commit()
        prepare_schema(conn)
        with made_world(url, conn, tmp_path) as made:
            yield made


@pytest.mark.parametrize("module", [COLLECT, LOAD])
def test_a_server_killed_in_the_middle_comes_back_to_the_last_commit(
    fragile_world: World, own_server: OwnServer, injected: Injection, module: str
) -> None:
    world = fragile_world
    if module == LOAD:
        world.collect_in_peace()
    held_up = copying if module == LOAD else receipting
    with ended_at_last(world.start(module)) as process:
        with suppress(psycopg2.Error), held_up(world):  # what holds the step up is lost too
            world.wait_until(lambda: is_caught(world))
            own_server.kill()
            ended = ending(process)
            injected()
    check_told(ended)
    own_server.start()
    with connect(world.settings.require_database_url()) as conn:
        again = World(world.ledger, world.settings, conn)
        _drop_trigger(again)
        check_at_once(again)
        again.run_clean()
        check_recovered(again)


def _drop_trigger(world: World) -> None:
    with world.conn, world.conn.cursor() as cursor:
        cursor.execute("drop trigger if exists held_up on silver.sales_product")


def test_a_server_that_is_away_is_said_so_and_nothing_is_touched(
    fragile_world: World, own_server: OwnServer, injected: Injection
) -> None:
    own_server.kill()
    injected()
    for module in (COLLECT, LOAD):
        ended = fragile_world.run(module)
        assert (ended.code, "cannot connect to the warehouse" in ended.said) == (5, True), ended.said
    own_server.start()
    with connect(fragile_world.settings.require_database_url()) as conn:
        again = World(fragile_world.ledger, fragile_world.settings, conn)
        check_at_once(again)
        again.run_clean()
        check_recovered(again)


def test_a_dead_run_gives_its_locks_back_even_while_the_server_works_for_it(world: World, injected: Injection) -> None:
    world.collect_in_peace()
    with copying(world), ended_at_last(world.start(LOAD)) as process:
        world.wait_until(lambda: is_caught(world))
        process.send_signal(signal.SIGKILL)
        ending(process)
        injected()
        world.wait_until(lambda: not world.waits_for_a_lock())
    check_at_once(world)
    world.run_clean()
    check_recovered(world)


def test_a_table_that_somebody_else_keeps_locked_is_not_waited_for_without_end(
    world: World, injected: Injection, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.collect_in_peace()
    monkeypatch.setattr("medallion.database.LOCK_TIMEOUT_SECONDS", 1)
    url = world.settings.require_database_url()
    with connect(url, application_name="somebody else") as other, other.cursor() as cursor:
        cursor.execute("lock table silver.sales_product in exclusive mode")
        with pytest.raises(DatabaseError, match=r"held by pid \d+ \(somebody else\) since"):
            world.load_in_peace()
        injected()
        check_at_once(world)
    world.run_clean()
    check_recovered(world)
