"""The launcher `retail`, in a small tree of its own: finds a Python, installs what is locked, hands over."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from medallion.settings import PROJECT_ROOT
from stack.commands.shifted_dates import unshifted
from tests.launcher_tree import Tree, assert_three_lines, count_as_installed, locked, make_tree
from tests.process_table import eventually, kill_all, living

SHELLS = [shell for shell in ("sh", "dash", "bash", "busybox") if shutil.which(shell)]
TOOLS = ("cat", "cksum", "dirname", "ln", "mkdir", "mv", "readlink", "rm", "sed", "sh", "sleep", "tail")

# ---------------------------------------------------------------- handing over: nothing to install


@pytest.fixture
def ready(tmp_path: Path) -> Tree:
    """A tree whose install counts as done; a blank in its path."""
    return count_as_installed(make_tree(tmp_path / "my checkout"))


@pytest.mark.parametrize("shell", SHELLS)
def test_the_launcher_is_posix_shell(shell: str) -> None:
    by = ["busybox", "sh"] if shell == "busybox" else [shell]
    checked = subprocess.run([*by, "-n", str(PROJECT_ROOT / "retail")], capture_output=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, b"")


@pytest.mark.parametrize("shell", SHELLS)
def test_arguments_folder_and_exit_code_are_handed_on_as_they_are(ready: Tree, shell: str) -> None:
    by = ("busybox", "sh") if shell == "busybox" else (shell,)
    arguments = ["psql", "-c", "select 'a  b' as \"x\"", "", "*", "$HOME"]
    ended = ready.run(*arguments, by=(*by, str(ready.launcher)), EXIT_CODE="6", PYTHONHOME="/nowhere")
    assert (ended.returncode, ended.stderr) == (6, "")
    told = json.loads(ended.stdout)
    assert told["arguments"] == arguments
    assert told["folder"] == told["PYTHONPATH"] == str(ready.root)
    assert told["RETAIL_CALLER_FOLDER"] == str(ready.root.parent)
    assert told["PYTHONHOME"] is None


def test_a_relative_home_is_meant_from_where_the_user_stands(ready: Tree) -> None:
    folder = str(ready.root.parent)
    assert json.loads(ready.run(RETAIL_HOME="here").stdout)["RETAIL_HOME"] == f"{folder}/here"
    assert json.loads(ready.run(RETAIL_HOME="/there").stdout)["RETAIL_HOME"] == "/there"
    assert json.loads(ready.run().stdout)["RETAIL_HOME"] is None


def test_a_launcher_behind_symbolic_links_finds_its_tree(ready: Tree, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "absolute").symlink_to(ready.launcher)
    (tmp_path / "bin" / "relative").symlink_to(Path("..") / ready.root.name / "retail")
    (tmp_path / "bin" / "chain").symlink_to("relative")
    (tmp_path / "folder").symlink_to(ready.root)
    for link in ("bin/absolute", "bin/relative", "bin/chain", "folder/retail"):
        ended = ready.run(by=(str(tmp_path / link),))
        assert json.loads(ended.stdout)["folder"] == str(ready.root), ended.stderr


def test_a_folder_named_stack_where_the_user_stands_is_not_taken_for_ours(ready: Tree) -> None:
    (ready.root.parent / "stack").mkdir()
    (ready.root.parent / "stack" / "__main__.py").write_text("raise SystemExit('theirs')")
    assert json.loads(ready.run().stdout)["root"] == str(ready.root / "stack" / "__main__.py")


# ---------------------------------------------------------------- no Python to install with


@pytest.fixture
def bare(tmp_path: Path) -> Tree:
    """A tree with nothing installed, and next to it a folder of the tools that any machine has, but no Python."""
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        (tmp_path / "bin" / tool).symlink_to(str(shutil.which(tool)))
    return make_tree(tmp_path / "tree")


def bare_path(tree: Tree) -> dict[str, str]:
    return {"PATH": str(tree.root.parent / "bin"), "RETAIL_PYTHON": ""}


def write_program(file: Path, text: str) -> str:
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return str(file)


def test_without_a_python_it_says_which_ones_would_do(bare: Tree) -> None:
    ended = bare.run(**bare_path(bare))
    assert_three_lines(ended, "no Python was found", "python3.12", "RETAIL_PYTHON=")
    assert not bare.stamp.exists()
    assert not (bare.root / ".venv" / "lock").is_symlink()


@pytest.mark.parametrize("program", ["exit 127", "exit 0", "echo 3.9; exit 1"])
def test_a_python_that_cannot_serve_is_passed_over(bare: Tree, program: str) -> None:
    """A shim that points nowhere, a program that isn't a Python, a version that is too old."""
    for name in ("python3.12", "python3"):
        write_program(bare.root.parent / "bin" / name, program)
    assert_three_lines(bare.run(**bare_path(bare)), "no Python was found")


@pytest.mark.parametrize("program", ["exit 127", "exit 0", "echo 3.9; exit 1", None])
def test_a_python_that_was_named_and_cannot_serve_is_an_error_that_names_it(bare: Tree, program: str | None) -> None:
    named = str(bare.root.parent / "my python")
    if program is not None:
        write_program(Path(named), program)
    assert_three_lines(bare.run(RETAIL_PYTHON=named), f"RETAIL_PYTHON={named} cannot be used", "3.10")


def test_a_python_without_venv_is_named_with_the_package_that_brings_it(bare: Tree) -> None:
    program = f'case "$2" in *ensurepip*) exit 1 ;; esac\nexec "{sys.executable}" "$@"'
    write_program(bare.root.parent / "bin" / "python3", program)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert_three_lines(bare.run(**bare_path(bare)), f"apt install python{version}-venv")


# ---------------------------------------------------------------- real installs


@dataclass(frozen=True)
class Installed:
    """A tree whose first install was killed in the middle, and what two launchers started at once then said."""

    tree: Tree
    said: list[str]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    folder = tmp_path_factory.mktemp("launcher")
    need_a_package_index(folder)
    tree = make_tree(folder / "tree")
    try:
        kill_in_the_middle(tree)
        both = [tree.start(), tree.start()]
        ended = [process.communicate(timeout=200) for process in both]
        assert [process.returncode for process in both] == [0, 0], ended
        assert [json.loads(out)["prefix"] for out, _ in ended] == [str(tree.root / ".venv")] * 2
        yield Installed(tree, [err for _, err in ended])
    finally:
        kill_all(str(folder))


def need_a_package_index(folder: Path) -> None:
    (folder / "lock.txt").write_text(locked("iniconfig"))
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    tried = subprocess.run(
        [*command, "--retries", "0", "-r", "lock.txt", "-d", "wheels"],
        cwd=folder,
        env=unshifted(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    if tried.returncode != 0:
        pytest.skip(f"no package index can be reached: {tried.stderr.strip().splitlines()[-1:]}")


def kill_in_the_middle(tree: Tree) -> None:
    process = tree.start()
    assert eventually((tree.root / ".venv" / "pyvenv.cfg").exists)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    kill_all(str(tree.root))
    assert eventually(lambda: not living(str(tree.root)))
    assert (tree.root / ".venv" / "lock").is_symlink()
    (tree.root / ".venv" / "lib" / "half-written").touch()


def test_an_install_that_was_killed_is_done_again_from_the_start(installed: Installed) -> None:
    assert installed.tree.stamp.exists()
    assert not (installed.tree.root / ".venv" / "lib" / "half-written").exists()
    assert is_installed(installed.tree, "iniconfig")


def test_of_two_at_once_one_installs_and_the_other_waits(installed: Installed) -> None:
    makers = [said for said in installed.said if "making .venv" in said]
    waiters = [said for said in installed.said if "waiting for process" in said]
    assert (len(makers), len(waiters)) == (1, 1)
    assert makers != waiters
    assert [said for said in installed.said if "install.log" in said] == makers
    assert not (installed.tree.root / ".venv" / "lock").is_symlink()


def test_what_is_installed_is_not_installed_again(installed: Installed) -> None:
    before = installed.tree.stamp.stat().st_mtime_ns
    ended = installed.tree.run()
    assert (ended.returncode, ended.stderr) == (0, "")
    assert installed.tree.stamp.stat().st_mtime_ns == before


def test_a_changed_lock_is_installed_into_the_same_environment(installed: Installed) -> None:
    made = (installed.tree.root / ".venv" / "pyvenv.cfg").stat().st_mtime_ns
    with (installed.tree.root / "requirements.txt").open("a") as lock:
        lock.write("# changed\n")
    ended = installed.tree.run()
    assert ended.returncode == 0, ended.stderr
    assert "installing what requirements.txt locks" in ended.stderr
    assert (installed.tree.root / ".venv" / "pyvenv.cfg").stat().st_mtime_ns == made
    assert installed.tree.run().stderr == ""


def test_the_tools_of_the_tests_are_installed_by_the_word_test_alone(installed: Installed) -> None:
    assert not is_installed(installed.tree, "pluggy")
    assert "requirements-dev.txt" in installed.tree.run("test", "--fast").stderr
    assert is_installed(installed.tree, "pluggy")
    assert installed.tree.run("test").stderr == ""


@pytest.mark.slow
def test_a_package_without_a_hash_is_refused_until_the_lock_is_mended(installed: Installed) -> None:
    lock = installed.tree.root / "requirements.txt"
    good = lock.read_text()
    lock.write_text(locked("packaging").splitlines()[0].rstrip(" \\") + "\n")
    refused = installed.tree.run()
    assert_three_lines(refused, "could not be installed", "install.log")
    assert not installed.tree.stamp.exists()
    assert not is_installed(installed.tree, "packaging")
    lock.write_text(good)
    assert installed.tree.run().returncode == 0


def is_installed(tree: Tree, package: str) -> bool:
    command = [str(tree.root / ".venv" / "bin" / "python"), "-c", f"import {package}"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
