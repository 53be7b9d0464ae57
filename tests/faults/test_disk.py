"""A disk that is full or fails: the step ends before anything is acknowledged, and says what to do about space."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.conftest import Injection
from tests.faults.oracle import check_at_once, check_recovered
from tests.faults.tracing import NEEDS_STRACE, TRACED
from tests.faults.world import COLLECT, Ended, World

PAGE = 4096


def check_refused(world: World, ended: Ended, reason: str) -> None:
    """One error in words, no debris under a temporary name, nothing acknowledged that is not there."""
    assert ended.code == 1, ended.said
    assert f"could not be written\n  why: {reason}" in ended.said
    assert "do: free space" in ended.said
    assert "Traceback" not in ended.said
    assert list(world.bronze.rglob("*.tmp")) == []
    error = "select error_message from meta.load where status = 'FAILED' order by load_id desc limit 1"
    assert reason in world.ask(error)[0][0]
    check_at_once(world)


@pytest.mark.parametrize("blocks", [0, 1])
def test_a_file_that_may_not_grow_is_given_up_before_it_is_acknowledged(
    world: World, injected: Injection, blocks: int
) -> None:
    limit = ("sh", "-c", f'ulimit -f {blocks}; exec "$@"', "limited")
    ended = world.run(COLLECT, *limit)
    injected(happened="File too large" in ended.said)
    check_refused(world, ended, "File too large")
    world.run_clean()
    check_recovered(world)


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "retail-tests", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("needs root and the right to mount a tmpfs")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("pages_left", [0, 1, 3, 6])
def test_a_full_disk_is_named_and_the_next_run_goes_on_once_there_is_space(
    world: World, injected: Injection, tiny_disk: Path, pages_left: int
) -> None:
    bronze = tiny_disk / "bronze"
    shutil.copytree(world.bronze, bronze)
    world.settings = world.settings.model_copy(update={"bronze_url": str(bronze)})
    _leave(tiny_disk, pages_left)
    ended = world.run(COLLECT, BRONZE_URL=str(bronze))
    injected(happened="No space left on device" in ended.said)
    check_refused(world, ended, "No space left on device")
    (tiny_disk / "ballast").unlink()
    world.run_clean()
    check_recovered(world)


def _leave(disk: Path, pages: int) -> None:
    """Fill the disk until so many pages are free."""
    free = os.statvfs(disk).f_bfree * os.statvfs(disk).f_frsize
    (disk / "ballast").write_bytes(b"\0" * (free - pages * PAGE))


FAILING = [
    ("openat", "ENOSPC", "No space left on device"),
    ("write", "EIO", "Input/output error"),
    ("write", "ENOSPC", "No space left on device"),
    ("fsync", "EIO", "Input/output error"),
    ("/^rename", "EIO", "Input/output error"),
]


@NEEDS_STRACE
@pytest.mark.parametrize(("call", "error", "reason"), FAILING, ids=lambda value: value.strip("/^"))
def test_a_disk_that_fails_a_system_call_is_named(
    world: World, injected: Injection, call: str, error: str, reason: str
) -> None:
    """The call fails on the files of the next load alone: elsewhere it would fail more than the disk."""
    paths = [argument for path in world.next_files("sales_product") for argument in ("-P", str(path))]
    ended = world.run(COLLECT, *TRACED, *paths, "-e", f"inject={call}:error={error}")
    injected(happened=reason in ended.said)
    check_refused(world, ended, reason)
    world.run_clean()
    check_recovered(world)
