"""What is read of RETAIL_HOME: choices, records and the end of a log, and no secret."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import psutil
import pytest

from medallion.errors import ServiceFailed
from portal.catalogue import SERVICES, Service
from portal.places import ByAddress, OnOneMachine, explaining_line, without_any_secret
from stack.host.home import Home
from stack.services.processes import ended, forget_ended

DOCS: Service = next(one for one in SERVICES if one.name == "docs")
SECRET = "kT3-Vq9_xW2bN7mC5zL1aS8dF4gH6jK0pQwErTyUiO1"
WHEN = 1_700_000_000


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path).prepare()


def test_a_port_that_was_chosen_is_the_place(home: Home) -> None:
    places = OnOneMachine(home.path)
    assert places.place(DOCS) is None
    home.remember("ports", {"docs_port": 8123})
    place = places.place(DOCS)
    assert place is not None
    assert (place.probe, place.page) == ("http://127.0.0.1:8123", "http://127.0.0.1:8123")


def test_a_record_is_alive_only_while_its_process_is_the_one_that_was_started(home: Home) -> None:
    places, record = OnOneMachine(home.path), home.run / "docs.json"
    assert places.process(DOCS) is None
    me = {"name": "docs", "pid": os.getpid(), "created": psutil.Process().create_time(), "mark": "m"}
    for content, alive in ((me, True), (me | {"created": 1.0}, False), (me | {"pid": -1}, False), ({"mark": 1}, False)):
        record.write_text(json.dumps(content))
        process = places.process(DOCS)
        assert process is not None
        assert process.is_alive is alive, content
    record.write_text("{half a rec")
    assert places.process(DOCS) is None


def test_how_a_service_ended_is_kept_until_down(home: Home) -> None:
    places = OnOneMachine(home.path)
    assert isinstance(ended(home, "docs", -signal.SIGKILL), ServiceFailed)
    os.utime(home.run / "docs.ended", (WHEN, WHEN))
    assert places.ended(DOCS) == "it was ended by SIGKILL, 2023-11-14 22:13 UTC"
    forget_ended(home)
    assert places.ended(DOCS) == ""


def test_the_line_that_names_an_error_explains_more_than_the_last_one(home: Home) -> None:
    log = home.logs / "docs.log"
    assert OnOneMachine(home.path).last_words(DOCS) == ""
    log.write_text("x" * 100_000 + "\nstarting\nOSError: [Errno 98] Address already in use\nbye\n\n")
    assert OnOneMachine(home.path).last_words(DOCS) == "OSError: [Errno 98] Address already in use"
    assert explaining_line("one\ntwo\n") == "two"
    assert explaining_line("") == ""


@pytest.mark.parametrize(
    "line",
    [
        f"FATAL: cannot connect to postgresql://reader:{SECRET}@127.0.0.1:5432/retail",
        f"error: password={SECRET}",
        f"Traceback: key {SECRET} refused",
        f"error at http://127.0.0.1:5050/?key={SECRET}",
    ],
)
def test_no_secret_of_a_log_is_shown(line: str) -> None:
    found = explaining_line(line)
    assert SECRET not in found
    assert found.startswith(line.split(" ", maxsplit=1)[0])


def test_a_path_and_a_long_sentence_are_no_secrets() -> None:
    text = "cannot read /home/ann/projects/retail-medallion-platform/data/airflow/airflow_local_settings.cfg"
    assert without_any_secret(text) == text
    assert len(without_any_secret("word " * 200)) < 300


def test_controls_in_a_log_do_not_reach_a_page() -> None:
    assert explaining_line("error: \x1b[31mred\x1b[0m\r") == r"error: \u001b[31mred\u001b[0m"


def test_addresses_lose_their_last_slash() -> None:
    place = ByAddress({"docs": ("http://docs:80/", "http://localhost:80/")}).place(DOCS)
    assert place is not None
    assert (place.probe, place.page) == ("http://docs:80", "http://localhost:80")
