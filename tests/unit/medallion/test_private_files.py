"""What holds people's data is for its owner's eyes, whatever the umask and wherever it lies."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from medallion.bronze.ndjson import Ndjson
from medallion.bronze.writer import BronzeStore, BronzeWriteFailed, bronze_path
from medallion.private_files import close_to_others, make_private
from stack.host.home import Home

PATH = bronze_path("customers", datetime(2026, 11, 6, tzinfo=timezone.utc), 7, 0)


@pytest.fixture(autouse=True, params=[0o000, 0o022])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def write(root: Path, *, group_readable: bool = False) -> Path:
    file = BronzeStore(str(root), group_readable=group_readable).file(PATH)
    file.open()
    assert mode(next((root / PATH).parent.glob(".*.tmp"))) == (0o640 if group_readable else 0o600)
    file.append(Ndjson(b'{"first_name":"Ada"}\n', 1))
    file.commit()
    return root / PATH


def test_bronze_outside_of_our_home_is_for_its_owner_only(tmp_path: Path) -> None:
    root = tmp_path / "far" / "bronze"
    file = write(root)
    assert mode(file) == 0o600
    assert {mode(folder) for folder in (root.parent, root, root / "customers", file.parent)} == {0o700}


def test_bronze_may_be_opened_to_a_group(tmp_path: Path) -> None:
    root = tmp_path / "bronze"
    file = write(root, group_readable=True)
    assert mode(file) == 0o640
    assert {mode(folder) for folder in (root, root / "customers", file.parent)} == {0o750}


def test_a_folder_of_bronze_that_was_open_before_is_closed_and_the_one_given_to_us_stays(tmp_path: Path) -> None:
    root = tmp_path / "given"
    (root / PATH).parent.mkdir(parents=True)
    for folder in (root, root / "customers", (root / PATH).parent):
        folder.chmod(0o755)
    temporary = (root / PATH).with_name(f".{(root / PATH).name}.tmp")
    temporary.touch(mode=0o644)
    assert mode(write(root)) == 0o600
    assert [mode(folder) for folder in (root, root / "customers", (root / PATH).parent)] == [0o755, 0o700, 0o700]


def test_a_home_is_closed_to_others_with_all_that_an_older_version_left_open(tmp_path: Path) -> None:
    path = tmp_path / "home"
    for name in ("dbt/logs/dbt.log", "dbt/target/run_results.json", "bronze/customers/2026-11-06/1-0.ndjson", "x.log"):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text("Ada")
        (path / name).chmod(0o644)
    for folder in (path, *(one for one in path.rglob("*") if one.is_dir())):
        folder.chmod(0o755)
    home = Home(path).prepare()
    home.remember("ports", {})
    passes = 0o711 if os.geteuid() == 0 else 0o700  # Postgres, under another account, has its data below
    assert mode(path) == passes
    assert {oct(mode(one)) for one in path.rglob("*") if one.is_dir()} == {"0o700"}
    assert {oct(mode(one)) for one in path.rglob("*") if one.is_file()} == {"0o600"}


def test_what_postgres_owns_is_left_to_it_and_no_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir(mode=0o755)
    (tmp_path / "outside").chmod(0o755)
    home = tmp_path / "home"
    (home / "postgres" / "installation").mkdir(parents=True)
    (home / "postgres" / "installation").chmod(0o755)
    (home / "elsewhere").symlink_to(tmp_path / "outside")
    Home(home).prepare()
    assert mode(tmp_path / "outside") == 0o755
    assert mode(home / "postgres" / "installation") == 0o755


def test_a_folder_that_everybody_writes_to_is_not_closed_as_a_whole(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    home = Home(shared).prepare()
    assert mode(shared) == 0o1777
    assert mode(home.logs) == 0o700


def test_what_is_neither_file_nor_folder_is_left_as_it_is(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    pipe.chmod(0o666)
    close_to_others(pipe, 0o600)
    with pytest.raises(FileExistsError):
        make_private(pipe)
    file = BronzeStore(str(tmp_path)).file("pipe/x.ndjson")
    with pytest.raises(BronzeWriteFailed):
        file.open()
    assert mode(pipe) == 0o666


def test_every_folder_on_the_way_to_a_private_one_is_made_private(tmp_path: Path) -> None:
    make_private(tmp_path / "a" / "b" / "c")
    assert {mode(tmp_path / one) for one in ("a", "a/b", "a/b/c")} == {0o700}
