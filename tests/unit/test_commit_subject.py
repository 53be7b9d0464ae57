"""The commit hook: which subjects it lets pass, tried with the program that pre-commit runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from medallion.settings import PROJECT_ROOT


def passes(message: str, folder: Path) -> bool:
    configuration = yaml.safe_load((PROJECT_ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    (hook,) = [hook for hook in configuration["repos"][0]["hooks"] if hook["id"] == "commit-subject"]
    assert hook["stages"] == ["commit-msg"]
    assert "commit-msg" in configuration["default_install_hook_types"]
    file = folder / "COMMIT_EDITMSG"
    file.write_text(message, encoding="utf-8")
    command = [sys.executable, "-m", "pre_commit.languages.pygrep", *hook["args"], hook["entry"], str(file)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize(
    "message",
    [
        "fix(silver): keep the newest version\n",
        "feat!: ask for totals of every entity",
        "docs: words\n\nThe body may have any length and a semicolon; it is prose.\n" + "long " * 40,
        "Merge branch 'main' into topic\n",
        "fix: " + "x" * 67 + "\n",
    ],
)
def test_a_conventional_subject_passes(message: str, tmp_path: Path) -> None:
    assert passes(message, tmp_path)


@pytest.mark.parametrize(
    "message",
    [
        "sql: a comment within its line\n",
        "Silver waits for no vacuum\n",
        "fix: one thing; and another\n",
        "fix: " + "x" * 68 + "\n",
        "fix:\n",
        "\nfix: after an empty line\n",
        "words\n\nfix: in the body\n",
    ],
)
def test_any_other_subject_is_refused(message: str, tmp_path: Path) -> None:
    assert not passes(message, tmp_path)
