"""`./retail logs` as a command: what goes to stdout, and how it ends."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from tests.retail_cli import Retail, retail


@pytest.fixture
def cli() -> Iterator[Retail]:
    with retail() as command:
        command.home.prepare()
        yield command


def test_without_a_name_the_logs_are_listed_and_with_one_its_end_is_printed(cli: Retail) -> None:
    assert "./retail run makes the first" in cli("logs").err
    file = cli.home.logs / "postgres.log"
    file.write_text("one\ntwo\nthree\n")
    listed = cli("logs")
    assert (listed.code, listed.out.splitlines()[1].split()[0]) == (0, "postgres")
    ended = cli("logs", "postgres", "-n", "2")
    assert (ended.code, ended.out) == (0, "two\nthree\n")
    assert str(file) in ended.err


def test_an_unknown_name_is_an_error_of_three_lines(cli: Retail) -> None:
    (cli.home.logs / "postgres.log").write_text("one\n")
    refused = cli("logs", "fly")
    assert (refused.code, refused.out) == (3, "")
    assert refused.err.splitlines() == [
        "error: there is no log of 'fly'",
        "  why: the logs are postgres",
        "   do: ./retail logs shows them with their age",
    ]


def test_ctrl_c_ends_a_log_that_is_followed_without_a_word(cli: Retail) -> None:
    file = cli.home.logs / "postgres.log"
    file.write_text("one\n")
    with cli.start("logs", "postgres", "--follow") as running:
        running.says("one")
        with file.open("a") as log:
            log.write("two\n")
        running.says("two")
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(30) == 128 + signal.SIGINT
        assert running.said() == "one\ntwo\n"
