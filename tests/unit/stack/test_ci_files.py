"""The CI files for GitLab and GitHub do the same, by the scripts of .ci/, and keep what those write."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from dashboards.checking.results import CSV_FILE, JUNIT_FILE
from medallion.settings import PROJECT_ROOT
from stack.cli.superset import superset

JOBS = {"test": ".ci/run", "dashboards": ".ci/dashboards"}
GITLAB_WORDS = {"default", "variables", "workflow", "include", "stages"}
ACTION = re.compile(r"actions/[a-z-]+@v\d+")


@pytest.fixture
def gitlab() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((PROJECT_ROOT / ".gitlab-ci.yml").read_text(encoding="utf-8"))
    return content


@pytest.fixture
def github() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((PROJECT_ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    return content


def commands(github_job: dict[str, Any]) -> list[str]:
    return [step["run"] for step in github_job["steps"] if "run" in step]


def action(github_job: dict[str, Any], name: str) -> dict[str, Any]:
    (given,) = [step["with"] for step in github_job["steps"] if step.get("uses", "").startswith(f"actions/{name}@")]
    found: dict[str, Any] = given
    return found


def script(name: str) -> str:
    return (PROJECT_ROOT / name).read_text(encoding="utf-8")


def test_both_have_the_same_jobs_and_each_is_one_script(gitlab: dict[str, Any], github: dict[str, Any]) -> None:
    assert {name for name in gitlab if name not in GITLAB_WORDS} == set(github["jobs"]) == set(JOBS)
    for name, file in JOBS.items():
        assert gitlab[name]["script"] == commands(github["jobs"][name])
        (line,) = gitlab[name]["script"]
        assert line.split()[0] == file


def test_both_give_a_job_the_same_python_time_and_history(gitlab: dict[str, Any], github: dict[str, Any]) -> None:
    python = gitlab["default"]["image"].removeprefix("python:")
    for name, job in github["jobs"].items():
        assert action(job, "setup-python") == {"python-version": python}
        assert gitlab[name]["timeout"] == f"{job['timeout-minutes']} minutes"
        depth = gitlab[name].get("variables", {}).get("GIT_DEPTH")
        assert action(job, "checkout").get("fetch-depth") == (int(depth) if depth else None)


@pytest.mark.parametrize("file", JOBS.values())
def test_a_script_is_executable_and_parses_with_lines_as_bash_wants_them(file: str) -> None:
    assert os.access(PROJECT_ROOT / file, os.X_OK)
    assert script(file).startswith("#!/usr/bin/env bash\n")
    assert "\nset -euo pipefail\n" in script(file)
    assert f"{file} text eol=lf\n" in script(".gitattributes")
    done = subprocess.run(["bash", "-n", PROJECT_ROOT / file], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_both_keep_what_the_check_writes(gitlab: dict[str, Any], github: dict[str, Any]) -> None:
    """Also when a figure differs: that is when they are wanted."""
    (line,) = gitlab["dashboards"]["script"]
    folder = line.split()[1]
    written = [f"{folder}/{file}" for file in (JUNIT_FILE, CSV_FILE)]
    kept = gitlab["dashboards"]["artifacts"]
    assert (kept["paths"], kept["reports"]["junit"], kept["when"]) == (written, written[0], "always")
    (upload,) = [step for step in github["jobs"]["dashboards"]["steps"] if "upload-artifact" in step.get("uses", "")]
    assert upload["with"]["path"].split() == written
    assert "!cancelled()" in upload["if"]
    assert kept["expire_in"] == f"{upload['with']['retention-days']} days"
    assert f"${{1:-{folder}}}" in script(".ci/dashboards")
    assert f"\n/{folder}/\n" in script(".gitignore")
    assert all(file in script(".ci/dashboards") for file in (JUNIT_FILE, CSV_FILE))


def test_the_check_of_dashboards_is_made_of_commands_that_there_are() -> None:
    called = re.findall(r"^\./retail superset (\w+)(.*)$", script(".ci/dashboards"), re.MULTILINE)
    assert [name for name, _ in called] == ["up", "lint", "plan", "check"]
    known = typer.main.get_command(superset)
    for name, _ in called:
        assert name in known.commands  # type: ignore[attr-defined] - a group
    assert dict(called)["check"] == ' --output "$folder"'
    assert "\n./retail run\n" in script(".ci/dashboards")


def test_the_line_that_is_waited_for_is_the_one_that_superset_up_prints() -> None:
    (pattern,) = re.findall(r"grep -q '([^']+)'", script(".ci/dashboards"))
    (line,) = re.findall(r'"(  ready\. [^"]+)"', script("stack/commands/superset.py"))
    assert re.search(pattern, line)


def test_github_grants_no_more_than_reading_and_pins_actions_by_major_version(github: dict[str, Any]) -> None:
    assert github["permissions"] == {"contents": "read"}
    assert not [name for name, job in github["jobs"].items() if "permissions" in job]
    used = [step["uses"] for job in github["jobs"].values() for step in job["steps"] if "uses" in step]
    assert used
    assert not [one for one in used if not ACTION.fullmatch(one)]
    assert all(action(job, "checkout")["persist-credentials"] is False for job in github["jobs"].values())


# ---------------------------------------------------------------- the script, with a stand-in for ./retail

STAND_IN = """#!/bin/sh
echo "$*" >> "$CALLS"
case "$*" in
    "superset up")
        echo "$$" > "$CALLS.pid"
        [ -z "$BREAKS" ] || { echo "  user admin            password canary"; echo "FATAL: broken"; exit 3; }
        trap 'echo ended >> "$CALLS"; exit 130' TERM
        echo "  ready. Ctrl-C or ./retail down ends it"
        while :; do sleep 0.1; done ;;
    "superset check"*) exit "$CHECK" ;;
esac
"""


def run(place: Path, *, breaks: str = "", check: int = 0) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    (place / ".ci").mkdir()
    (place / "tmp").mkdir()
    for file, content in ((".ci/dashboards", script(".ci/dashboards")), ("retail", STAND_IN)):
        (place / file).write_text(content, encoding="utf-8")
        (place / file).chmod(0o755)
    environment = {"PATH": os.environ["PATH"], "TMPDIR": str(place / "tmp"), "DATABASE_URL": "postgresql://mine"}
    environment |= {"CALLS": str(place / "calls"), "BREAKS": breaks, "CHECK": str(check)}
    done = subprocess.run(
        [place / ".ci" / "dashboards", "out"],
        env=environment,
        cwd=place,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done, (place / "calls").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("code", [0, 6])
def test_the_script_ends_superset_and_gives_the_exit_code_of_the_check(tmp_path: Path, code: int) -> None:
    done, calls = run(tmp_path, check=code)
    assert done.returncode == code, done.stderr
    check = f"superset check --output {tmp_path.resolve() / 'out'}"
    assert calls == ["run", "superset up", "superset lint", "superset plan", check, "ended"]
    assert list((tmp_path / "tmp").iterdir()) == []


def test_the_script_shows_the_log_without_passwords_if_superset_does_not_start(tmp_path: Path) -> None:
    done, calls = run(tmp_path, breaks="yes")
    assert done.returncode == 1
    assert calls == ["run", "superset up"]
    assert "Superset ended before it was ready" in done.stderr
    assert "FATAL: broken" in done.stderr
    assert "canary" not in done.stderr + done.stdout
    assert list((tmp_path / "tmp").iterdir()) == []
