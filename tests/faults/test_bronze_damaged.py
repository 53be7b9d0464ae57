"""A Bronze file that is not what its receipt says is named, and Silver does not take a row of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.conftest import Injection
from tests.faults.oracle import check_at_once, check_recovered
from tests.faults.world import LOAD, World


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def link(target: Path) -> Callable[[Path], None]:
    def damage(file: Path) -> None:
        file.unlink()
        file.symlink_to(target)

    return damage


def become_a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def become_a_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def swap_lines(file: Path) -> None:
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(reversed(lines)))


def zeroed(content: bytes) -> bytes:
    """As a file system may leave it after a crash."""
    half = len(content) // 2
    return content[:half] + b"\0" * (len(content) - half)


DAMAGE: dict[str, Callable[[Path], None]] = {
    "cut in a line": lambda file: os.truncate(file, file.stat().st_size - 7),
    "cut at a line": lambda file: file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:-1])) and None,
    "empty": lambda file: os.truncate(file, 0),
    "a bit flipped": flip,
    "lines in another order": swap_lines,
    "bytes behind the end": lambda file: file.write_bytes(file.read_bytes() + b"{}\n") and None,
    "zeros in its place": lambda file: file.write_bytes(b"\0" * file.stat().st_size) and None,
    "zeros from its middle": lambda file: file.write_bytes(zeroed(file.read_bytes())) and None,
    "zeros behind the end": lambda file: os.truncate(file, file.stat().st_size + 100),
    "grown beyond memory": lambda file: os.truncate(file, 10**12),
    "missing": lambda file: file.unlink(),
    "a link that ends nowhere": link(Path("nowhere")),
    "a link to itself": lambda file: link(file)(file),
    "a link to a device without end": link(Path("/dev/zero")),
    "a folder": become_a_folder,
    "a pipe": become_a_pipe,
}


def second_file(world: World) -> Path:
    query = "select path from meta.bronze_file where dataset = 'sales_product' and silver_load_id is null order by 1"
    return world.bronze / world.ask(query)[1][0]


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_named_and_once_restored_the_next_run_goes_on(
    world: World, injected: Injection, tmp_path: Path, damage: str
) -> None:
    world.collect_in_peace()
    file, copy = second_file(world), tmp_path / "copy"
    shutil.copytree(world.bronze, copy)
    DAMAGE[damage](file)
    injected()
    ended = world.run(LOAD)
    assert ended.code == 6, ended.said
    assert f"error: Bronze file {file.relative_to(world.bronze)} " in ended.said
    assert "Traceback" not in ended.said
    shutil.rmtree(world.bronze)
    copy.rename(world.bronze)
    check_at_once(world)
    world.run_clean()
    check_recovered(world)


def test_foreign_files_among_the_receipted_ones_are_not_read(world: World, injected: Injection) -> None:
    world.collect_in_peace()
    folder = second_file(world).parent
    (folder / "999-0.ndjson").write_bytes(b'{"sale_id":999,"line_no":1}\n')
    (folder / ".1-0.ndjson.tmp").write_bytes(b"half a line")
    (folder / "README").write_text("put here by hand")
    (folder / "loop").symlink_to(folder)
    injected()
    ended = world.run(LOAD)
    assert (ended.code, "REJECTED" in ended.said) == (0, False), ended.said
    check_recovered(world)


def test_a_pull_does_not_follow_a_link_put_in_the_place_of_its_next_file(
    world: World, injected: Injection, tmp_path: Path
) -> None:
    """The rename replaces the link itself; what it pointed at stays as it is."""
    final = world.next_files("sales_product")[0]
    final.parent.mkdir(exist_ok=True)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("untouched")
    final.symlink_to(elsewhere)
    injected()
    world.run_clean()
    check_recovered(world)
    assert (final.is_symlink(), elsewhere.read_text()) == (False, "untouched")
