"""What the launcher answers without an install: help, version, a wrong word, completion, a refusal on Windows."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from medallion.settings import PROJECT_ROOT
from medallion.version import VERSION
from stack.cli.reference import help_texts
from tests.launcher_tree import Tree, assert_three_lines, count_as_installed, make_tree

HELP = dict(help_texts())
GROUPS = ["./retail", "./retail rejects"]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A checkout after its clone: nothing is installed, and whatever would install something fails."""
    return make_tree(tmp_path / "my checkout")


def ask(tree: Tree, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Ask with a Python that must not be called. Fails when the question has made .venv."""
    ended = tree.ask(*arguments, RETAIL_PYTHON="/nowhere/python", **variables)
    assert not (tree.root / ".venv").exists()
    return ended


def with_our_own(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """What the installed platform says."""
    return subprocess.run(
        [sys.executable, "-m", "stack", *arguments],
        cwd=PROJECT_ROOT,
        env=os.environ | {"COLUMNS": "120", "NO_COLOR": "1"} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


# ---------------------------------------------------------------- help


@pytest.mark.parametrize("path", sorted(HELP))
def test_the_help_before_an_install_is_the_help_after_it(tree: Tree, path: str) -> None:
    told = ask(tree, *path.split()[1:], "--help")
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout == HELP[path] + "\n"


@pytest.mark.parametrize("words", [[], ["run"], ["rejects"], ["rejects", "show"]])
def test_the_page_has_what_a_terminal_shows(words: list[str]) -> None:
    assert with_our_own(*words, "--help").stdout == HELP[" ".join(["./retail", *words])] + "\n"


@pytest.mark.parametrize("words", [[], ["rejects"]])
def test_a_group_alone_is_answered_alike_before_and_after_an_install(tree: Tree, words: list[str]) -> None:
    before, after = ask(tree, *words), with_our_own(*words)
    assert (before.returncode, before.stdout, before.stderr) == (after.returncode, after.stdout, after.stderr)
    assert "Commands:" in before.stderr


@pytest.mark.parametrize("words", [["env"], ["env", "--json"], ["anomalies"], ["anomalies", "--days", "9"]])
def test_a_group_that_does_something_by_itself_is_run_and_not_explained(tree: Tree, words: list[str]) -> None:
    """Before an install it has to be installed first, which a Python that is not there refuses."""
    said = tree.ask(*words, RETAIL_PYTHON="/nowhere/python")
    assert "/nowhere/python" in said.stderr
    assert "Commands:" not in said.stderr


@pytest.mark.parametrize(
    "words",
    [["run", "--json", "--help"], ["bench", "--sales", "9", "--help"], ["psql", "-X", "--help"], ["test", "--help"]],
)
def test_a_help_after_options_is_a_question_too(tree: Tree, words: list[str]) -> None:
    assert ask(tree, *words).stdout == HELP[f"./retail {words[0]}"] + "\n"


@pytest.mark.parametrize(
    "words", [["test", "tests/unit", "--help"], ["psql", "mine", "--help"], ["run", "--", "--help"]]
)
def test_a_help_that_is_meant_for_another_program_is_none_of_ours(tree: Tree, words: list[str]) -> None:
    assert_three_lines(
        tree.ask(*words, RETAIL_PYTHON="/nowhere/python"), "RETAIL_PYTHON=/nowhere/python cannot be used"
    )


def test_the_help_of_test_installs_none_of_its_tools(tree: Tree) -> None:
    ended = count_as_installed(tree).ask("test", "--help")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert '"arguments": ["test", "--help"]' in ended.stdout


# ---------------------------------------------------------------- a wrong word


@pytest.mark.parametrize("words", [["fly"], ["statsu", "--json"], ["rejects", "lst"], ["*"], ["run|up"], ["run up"]])
def test_an_unknown_command_is_refused_alike_before_and_after_an_install(tree: Tree, words: list[str]) -> None:
    before, after = ask(tree, *words), with_our_own(*words)
    assert_three_lines(before, "there is no command", words[0], code=2)
    assert after.returncode == 2
    assert re.sub(r"did you mean '.*'\? ", "", after.stderr) == before.stderr


def test_a_command_that_is_nearly_one_is_guessed() -> None:
    assert "did you mean 'status'? ./retail --help explains each" in with_our_own("statsu").stderr


# ---------------------------------------------------------------- version


def test_the_version_before_an_install_is_the_first_line_of_that_after_it(tree: Tree) -> None:
    told = ask(tree, "--version").stdout
    assert told == f"retail {VERSION}\n"
    after = with_our_own("--version").stdout
    assert after.startswith(told)
    assert re.findall(r"^(\w+) \d+\.\d+\.\d+", after, re.MULTILINE) == [
        "retail",
        "Python",
        "Postgres",
        "Airflow",
        "dbt",
    ]


# ---------------------------------------------------------------- the Python of .venv


def test_a_python_that_would_not_have_made_this_environment_is_reported(tree: Tree, tmp_path: Path) -> None:
    other = tmp_path / "python3.12"
    other.write_text('#!/bin/sh\ncase $2 in *base_prefix*) echo "Python 3.12.9 in /opt" ;; *) echo 3.12 ;; esac\n')
    other.chmod(0o755)
    ended = count_as_installed(tree).run(RETAIL_PYTHON=str(other))
    assert ended.returncode == 0
    (line,) = ended.stderr.splitlines()
    ours = f"Python {sys.version.split()[0]} in {sys.base_prefix}"
    assert f"RETAIL_PYTHON={other} is Python 3.12.9 in /opt; .venv stays with {ours}" in line
    assert f"rm -rf {tree.root}/.venv" in line


def test_a_python_that_does_not_run_is_reported(tree: Tree) -> None:
    ended = count_as_installed(tree).run(RETAIL_PYTHON="/nowhere/python")
    assert ended.returncode == 0
    assert "RETAIL_PYTHON=/nowhere/python is no Python that can be used; .venv stays with" in ended.stderr


def test_without_that_variable_no_python_is_asked(tree: Tree) -> None:
    count_as_installed(tree)
    python = tree.root / ".venv" / "bin" / "python"
    python.unlink()
    python.write_text(f'#!/bin/sh\necho "$*" >>"{tree.root}/calls"\n')
    python.chmod(0o755)
    assert tree.run(RETAIL_PYTHON="").returncode == 0
    assert (tree.root / "calls").read_text() == "-m stack run\n"


# ---------------------------------------------------------------- completion

LINES = [
    ("retail sta", ["status"]),
    ("retail reb", ["rebuild"]),
    ("retail rejects l", ["list"]),
    ("retail rejects ", ["list", "show", "retry", "discard"]),
    ("retail rejects list --da", ["--dataset"]),
    ("retail run --", ["--chaos", "--json", "--help"]),
    ("retail --v", ["--version"]),
    ("retail completion ", ["bash", "zsh", "fish"]),
    ("retail run --json --he", ["--help"]),
    ("retail fly --", ["--version", "--help"]),
]
BASH = """
set -eu
eval "$("$1" completion bash)"
COMP_LINE=$2
read -ra COMP_WORDS <<<"$2"
[[ $2 != *' ' ]] || COMP_WORDS+=('')
COMP_WORDS[0]=$3 COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
complete -p "${3##*/}" >/dev/null
_retail
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize(("line", "expected"), LINES)
def test_bash_completes_before_an_install(tree: Tree, line: str, expected: list[str]) -> None:
    bash = need("bash")
    done = subprocess.run(
        [bash, "--norc", "-c", BASH, "bash", str(tree.launcher), line, str(tree.launcher)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.split(), done.stderr) == (expected, "")
    assert not (tree.root / ".venv").exists()


def test_bash_completes_a_link_on_path(tree: Tree, tmp_path: Path) -> None:
    bash = need("bash")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "retail").symlink_to(tree.launcher)
    done = subprocess.run(
        [bash, "--norc", "-c", BASH, "bash", "retail", "retail sta", "retail"],
        env=os.environ | {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("status\n", "")


ZSH = """
compdef() { :; }
compadd() { print -l -- $found; }
_files() { :; }
eval "$("$1" completion zsh)"
words=(${(z)2}) CURRENT=${#words}
[[ $2 != *' ' ]] || { words+=('') CURRENT=$((CURRENT + 1)) }
words[1]=$1
_retail
"""


@pytest.mark.parametrize(("line", "expected"), LINES)
def test_zsh_is_offered_the_same_words(tree: Tree, line: str, expected: list[str]) -> None:
    done = subprocess.run(
        [need("zsh"), "-f", "-c", ZSH, "zsh", str(tree.launcher), line], capture_output=True, text=True, check=False
    )
    last = "" if line.endswith(" ") else line.rsplit(maxsplit=1)[-1]
    assert ([word for word in done.stdout.split() if word.startswith(last)], done.stderr) == (expected, "")


@pytest.mark.parametrize(("line", "expected"), LINES)
def test_fish_completes_before_an_install(tree: Tree, tmp_path: Path, line: str, expected: list[str]) -> None:
    (tmp_path / "retail").symlink_to(tree.launcher)
    script = f'"{tree.launcher}" completion fish | source; complete --do-complete "./{line}"'
    done = subprocess.run(
        [need("fish"), "--no-config", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (sorted(done.stdout.split()), done.stderr) == (sorted(expected), "")


def need(shell: str) -> str:
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"{shell} is not on this machine: its completion is not tested")
    return found


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_the_same_before_and_after_an_install(tree: Tree, shell: str) -> None:
    before, after = ask(tree, "completion", shell), with_our_own("completion", shell)
    assert (before.returncode, before.stdout) == (0, after.stdout)
    assert "retail" in before.stdout


# ---------------------------------------------------------------- Windows


@pytest.mark.parametrize("system", ["MINGW64_NT-10.0-22631", "MSYS_NT-10.0-22631", "CYGWIN_NT-10.0-22631"])
@pytest.mark.parametrize("word", ["run", "--help"])
def test_windows_is_refused_with_the_page_that_says_what_to_do(tree: Tree, system: str, word: str) -> None:
    folder = tree.root.parent / "bin"
    folder.mkdir()
    (folder / "uname").write_text(f"#!/bin/sh\necho {system}\n")
    (folder / "uname").chmod(0o755)
    refused = ask(tree, word, PATH=f"{folder}:{os.environ['PATH']}")
    assert_three_lines(refused, "does not run on Windows", "WSL2", "docs/windows.md")
    assert (PROJECT_ROOT / "docs" / "windows.md").is_file()
    assert said_by(PROJECT_ROOT / "retail.cmd") == refused.stderr.splitlines()


def said_by(program: Path) -> list[str]:
    """The lines that a batch file prints. No batch file runs here: it is read, and it has to end with exit code 3."""
    lines = program.read_text(encoding="utf-8").splitlines()
    assert (lines[0], lines[-1]) == ("@echo off", "exit /b 3")
    return [line.removeprefix(">&2 echo ") for line in lines[1:-1]]
