"""Services as real processes: started and noted down, ready when they answer, ended whole and nobody else with them."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from medallion.errors import ServiceFailed
from medallion.settings import PROJECT_ROOT
from stack.commands.up import keep_portal
from stack.host.console import Talk
from stack.host.home import Home
from stack.host.interrupts import Interrupted, interruptible
from stack.services.processes import (
    Service,
    answers,
    await_ready,
    ended,
    recorded,
    recorded_names,
    running,
    start,
    stop,
)
from tests.ports import free_port
from tests.process_table import eventually, kill_all, living

# Two children: one that stays in the session, one that leaves it and gives itself a title, as Airflow's do. The last
# word is the test's, by which it finds them all.
FAMILY = """
import os, signal, sys, time
from pathlib import Path
from setproctitle import setproctitle
if os.fork() == 0:
    Path(sys.argv[1], "child").touch()
    time.sleep(600)
if os.fork() == 0:
    os.setsid()
    setproctitle(f"idle {sys.argv[2]}")
    Path(sys.argv[1], "stray").touch()
    time.sleep(600)
time.sleep(600)
"""
DEAF = """
import signal, sys, time
from pathlib import Path
signal.signal(signal.SIGTERM, signal.SIG_IGN)
Path(sys.argv[1], "deaf").touch()
time.sleep(600)
"""
# Starts another process every moment, each of which ends soon: some is always being born while the others are listed.
BREEDING = """
import os, signal, sys, time
from pathlib import Path
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
Path(sys.argv[1], "breeds").touch()
while True:
    time.sleep(0.002)
    if os.fork() == 0:
        os.setsid()
        time.sleep(2)
        sys.exit()
"""
ORDERLY = """
import signal, sys, time
from pathlib import Path
def leave(*_):
    Path(sys.argv[1], "left").touch()
    sys.exit()
signal.signal(signal.SIGTERM, leave)
Path(sys.argv[1], "works").touch()
time.sleep(600)
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").prepare()


@pytest.fixture
def word() -> Iterator[str]:
    """A word that only the processes of this test carry."""
    unique = uuid.uuid4().hex
    yield unique
    kill_all(unique)


def service(home: Home, program: str, word: str, name: str = "service") -> Service:
    return Service(name, (sys.executable, "-c", program, str(home.path), word), dict(os.environ))


def start_family(home: Home, word: str) -> subprocess.Popen[bytes]:
    """A service of three processes, all of them at work."""
    process = start(home, service(home, FAMILY, word))
    assert eventually(lambda: (home.path / "child").exists() and (home.path / "stray").exists())
    assert len(living(word)) == 3
    return process


def test_a_started_service_runs_and_is_noted_down_until_it_is_stopped(home: Home, word: str) -> None:
    process = start(home, service(home, DEAF, word))
    noted = running(home, "service")
    assert noted is not None
    assert noted.pid == process.pid
    assert recorded_names(home) == ["service"]
    stop(home, ["service"], grace_seconds=0.1)
    assert running(home, "service") is None
    assert recorded_names(home) == []


def test_stopping_ends_every_process_of_a_service(home: Home, word: str) -> None:
    start_family(home, word)
    assert stop(home, ["service"], grace_seconds=0.2) == ["service"]
    assert living(word) == []


def test_stopping_ends_processes_that_are_started_meanwhile(home: Home, word: str) -> None:
    start(home, service(home, BREEDING, word))
    assert eventually((home.path / "breeds").exists)
    assert stop(home, ["service"], grace_seconds=0.2) == ["service"]
    assert living(word) == []


def test_stopping_ends_what_a_killed_service_left_behind(home: Home, word: str) -> None:
    process = start_family(home, word)
    process.kill()
    process.wait()
    assert running(home, "service") is None
    assert len(living(word)) == 2
    assert stop(home, ["service"]) == ["service"]
    assert living(word) == []


def test_another_command_can_stop_a_service(home: Home, word: str) -> None:
    start_family(home, word)
    program = "import sys; from pathlib import Path; from stack.host.home import Home\n"
    program += "from stack.services.processes import stop\n"
    program += "print(stop(Home(Path(sys.argv[1])), ['service'], grace_seconds=0.2))"
    told = subprocess.run(
        [sys.executable, "-c", program, str(home.path)], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    )
    assert told.stdout == "['service']\n"
    assert living(word) == []


def test_a_service_that_ignores_sigterm_is_killed_after_the_grace_period(home: Home, word: str) -> None:
    start(home, service(home, DEAF, word))
    assert eventually((home.path / "deaf").exists)
    began = time.monotonic()
    stop(home, ["service"], grace_seconds=0.5)
    assert 0.5 <= time.monotonic() - began < 5
    assert living(word) == []


def test_a_service_is_given_the_time_to_end_in_order(home: Home, word: str) -> None:
    start(home, service(home, ORDERLY, word))
    assert eventually((home.path / "works").exists)
    stop(home, ["service"])
    assert (home.path / "left").exists()
    assert living(word) == []


def test_stopping_twice_or_what_never_ran_is_no_error(home: Home, word: str) -> None:
    start(home, service(home, DEAF, word))
    stop(home, ["service"], grace_seconds=0.1)
    assert stop(home, ["service", "unheard of"]) == []


def test_stopping_one_service_leaves_the_others(home: Home, word: str) -> None:
    start(home, service(home, DEAF, word, "one"))
    other = start(home, service(home, DEAF, word, "other"))
    stop(home, ["one"], grace_seconds=0.1)
    assert other.poll() is None
    assert recorded_names(home) == ["other"]
    stop(home, ["other"], grace_seconds=0.1)


@pytest.mark.parametrize("leads_a_session", [True, False])
def test_a_stranger_that_inherited_the_process_id_is_never_ended(
    home: Home, word: str, *, leads_a_session: bool
) -> None:
    start(home, service(home, DEAF, word))
    noted = recorded(home, "service")
    assert noted is not None
    stop(home, ["service"], grace_seconds=0.1)
    with subprocess.Popen(["sleep", "600"], start_new_session=leads_a_session) as stranger:
        try:
            reused = replace(noted, pid=stranger.pid, created=psutil.Process(stranger.pid).create_time() - 60)
            (home.run / "service.json").write_text(json.dumps(asdict(reused)))
            assert running(home, "service") is None
            assert stop(home, ["service"], grace_seconds=0.1) == []
            assert stranger.poll() is None
        finally:
            stranger.kill()
    assert recorded_names(home) == []


def test_a_record_that_cannot_be_read_ends_nobody(home: Home) -> None:
    (home.run / "service.json").write_text('{"name": "service", "pid": ')
    assert recorded(home, "service") is None
    assert stop(home, ["service"]) == []


def test_a_signal_in_the_moment_of_starting_loses_no_process(home: Home, word: str) -> None:
    def start_while_told_to_stop(seconds: float) -> None:
        told = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGTERM))
        with interruptible():
            told.start()
            start(home, service(home, DEAF, word))
            told.join(5)

    for milliseconds in (0, 1, 2, 3, 5, 8, 13):
        with pytest.raises(Interrupted):
            start_while_told_to_stop(milliseconds / 1000)
        stop(home, recorded_names(home), grace_seconds=0)
        assert living(word) == []


@pytest.fixture
def web(home: Home) -> Iterator[Service]:
    port = free_port()
    command = (sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(home.path))
    yield Service("web", command, dict(os.environ), ready_url=f"http://127.0.0.1:{port}/", ready_seconds=30)
    stop(home, ["web"])


def test_a_service_is_ready_once_it_answers(home: Home, web: Service) -> None:
    process = start(home, web)
    await_ready(home, web, process)
    assert answers(str(web.ready_url))
    assert process.poll() is None


def test_a_proxy_of_the_user_is_not_asked_for_our_own_services(home: Home, web: Service) -> None:
    await_ready(home, web, start(home, web))
    program = "import sys; from stack.services.processes import answers; print(answers(sys.argv[1]))"
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    told = subprocess.run(
        [sys.executable, "-c", program, str(web.ready_url)],
        env=kept | {"http_proxy": f"http://127.0.0.1:{free_port()}"},
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == "True\n"


def test_a_service_that_ends_before_it_is_ready_tells_how_with_the_end_of_its_log(home: Home, word: str) -> None:
    failing = "import sys; print('first'); sys.exit('no such table')"
    dying = replace(service(home, failing, word), ready_url=f"http://127.0.0.1:{free_port()}/", ready_seconds=30)
    with pytest.raises(ServiceFailed) as failed:
        await_ready(home, dying, start(home, dying))
    assert failed.value.message.startswith("service ended with exit code 1; the end of its log:\n")
    assert "first" in failed.value.message
    assert "no such table" in failed.value.message
    assert str(home.logs / "service.log") in failed.value.remedy


def test_a_service_that_does_not_get_ready_tells_so_with_the_end_of_its_log(home: Home, word: str) -> None:
    slow = "import time; print('still at it', flush=True); time.sleep(600)"
    late = replace(service(home, slow, word), ready_url=f"http://127.0.0.1:{free_port()}/", ready_seconds=1)
    with pytest.raises(ServiceFailed, match=r"was not ready after 1 s(.|\n)*still at it"):
        await_ready(home, late, start(home, late))
    stop(home, ["service"])


def test_a_service_that_was_killed_is_named_with_the_signal(home: Home) -> None:
    (home.logs / "service.log").write_text("its last words\n")
    failed = ended(home, "service", -signal.SIGKILL)
    assert failed.message == "service was ended by SIGKILL; the end of its log:\nits last words"


def test_a_log_that_grew_large_is_put_aside_at_the_next_start(home: Home, word: str) -> None:
    (home.logs / "service.log").write_bytes(b"x" * 6_000_000)
    start(home, service(home, "print('new')", word)).wait(20)
    assert (home.logs / "service.log").read_text() == "new\n"
    assert (home.logs / "service.log.1").stat().st_size == 6_000_000


def test_the_server_of_the_start_page_is_started_again_when_it_has_died_and_not_before(home: Home) -> None:
    service = Service("portal", (sys.executable, "-c", "import time; time.sleep(600)"), dict(os.environ))
    said = io.StringIO()
    process = start(home, service)
    keep_portal(home, service, Talk(Console(file=said)))
    first = running(home, "portal")
    assert (first is not None, said.getvalue()) == (True, "")
    process.kill()
    process.wait()
    keep_portal(home, service, Talk(Console(file=said)))
    second = running(home, "portal")
    assert second is not None
    assert second.pid != process.pid
    assert "started again" in said.getvalue()
    stop(home, ["portal"])
