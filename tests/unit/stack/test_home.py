"""RETAIL_HOME: secrets stay secret and the same, choices are remembered, locks keep others out."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from medallion.errors import ConfigurationError
from medallion.settings import PROJECT_ROOT
from stack.host.home import Home

HOLD = """
import sys
from pathlib import Path
from stack.host.home import Home
with Home(Path(sys.argv[1])).try_locked("up") as mine:
    print(mine, flush=True)
    sys.stdin.read()
"""


def test_a_folder_that_cannot_be_made_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="RETAIL_HOME="):
        Home(tmp_path / "file" / "home").prepare()


def test_logs_locks_and_airflow_are_for_their_owner_only(home: Home) -> None:
    assert {mode(folder) for folder in (home.logs, home.run, home.airflow)} == {0o700}


def test_a_secret_is_made_once_and_stays_the_same(home: Home) -> None:
    made = home.secret("postgres")
    assert len(made) >= 32
    assert home.secret("postgres") == made
    assert Home(home.path).secret("postgres") == made
    assert home.secret("airflow") != made


def test_secrets_can_be_read_by_their_owner_only(home: Home) -> None:
    before = os.umask(0)
    try:
        home.secret("postgres")
        home.remember("ports", {})
    finally:
        os.umask(before)
    assert mode(home.path / "secrets.json") == 0o600
    assert mode(home.path / "state.json") == 0o600


def test_many_who_ask_for_a_secret_at_once_get_the_same(home: Home) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(home.secret, ["postgres"] * 16))) == 1


def test_what_is_remembered_is_recalled_by_the_next_start(home: Home) -> None:
    home.remember("ports", {"api_port": 4010})
    home.remember("source", {"SOURCE_SEED": "7"})
    assert Home(home.path).recall("ports") == {"api_port": 4010}
    assert Home(home.path).recall("source") == {"SOURCE_SEED": "7"}
    assert home.recall("unheard of") is None


def test_many_who_remember_at_once_lose_nothing(home: Home) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(home.remember, map(str, range(24)), range(24)))
    assert [home.recall(str(number)) for number in range(24)] == list(range(24))


def test_nothing_but_the_files_themselves_is_left_behind(home: Home) -> None:
    home.remember("ports", {})
    home.secret("postgres")
    assert sorted(file.name for file in home.path.iterdir() if file.is_file()) == ["secrets.json", "state.json"]


@pytest.mark.parametrize("content", [b'{"ports": ', b"[]", b'"ports"', b"\xff\xfe", b""])
def test_a_broken_file_is_a_configuration_error_and_is_not_overwritten(home: Home, content: bytes) -> None:
    for name, use in (("state.json", lambda: home.remember("a", 1)), ("secrets.json", lambda: home.secret("a"))):
        (home.path / name).write_bytes(content)
        with pytest.raises(ConfigurationError, match=name):
            use()
        assert (home.path / name).read_bytes() == content


def test_a_lock_is_had_by_one_at_a_time(home: Home) -> None:
    with home.try_locked("up") as first:
        assert first
        with home.try_locked("up") as second:
            assert not second
        with home.try_locked("run") as other:
            assert other
    with home.try_locked("up") as again:
        assert again


def test_the_holder_of_a_lock_is_told_by_its_process_id(home: Home) -> None:
    assert home.holder("up") is None
    with home.try_locked("up"):
        assert home.holder("up") == os.getpid()
    assert home.holder("up") is None


def test_the_lock_of_a_killed_process_is_free(home: Home) -> None:
    command = [sys.executable, "-c", HOLD, str(home.path)]
    with subprocess.Popen(command, cwd=PROJECT_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"True\n"
        assert home.holder("up") == holder.pid
        with home.try_locked("up") as mine:
            assert not mine
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert home.holder("up") is None
    with home.try_locked("up") as mine:
        assert mine


def test_a_shared_lock_is_had_by_many_and_keeps_out_who_wants_it_alone(home: Home) -> None:
    with home.shared("users"), home.shared("users"):
        with home.try_locked("users") as alone:
            assert not alone
    with home.try_locked("users") as alone:
        assert alone


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
