"""A checkout of what the launcher touches and nothing more, in which it can install and hand over."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from medallion.settings import PROJECT_ROOT
from stack.commands.shifted_dates import unshifted

TOUCHED = ("retail", "stack/requirements-bootstrap.txt", "docs/commands.md", "medallion/version.py")
COMPLETION = Path("stack", "cli", "completion")
# In place of the platform: tells what it was handed.
STACK = """
import json, os, sys
told = {"arguments": sys.argv[1:], "folder": os.getcwd(), "prefix": sys.prefix, "root": __file__}
names = ("RETAIL_HOME", "RETAIL_CALLER_FOLDER", "PYTHONPATH", "PYTHONHOME", "SSL_CERT_FILE")
print(json.dumps(told | {name: os.environ.get(name) for name in names}))
sys.exit(int(os.environ.get("EXIT_CODE", "0")))
"""


@dataclass(frozen=True)
class Tree:
    """A checkout that holds what the launcher touches and nothing more."""

    root: Path

    @property
    def launcher(self) -> Path:
        return self.root / "retail"

    @property
    def stamp(self) -> Path:
        return self.root / ".venv" / "stamp"

    def run(self, *arguments: str, by: tuple[str, ...] = (), **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command, `run` unless another one is named."""
        return self.ask(*(arguments or ("run",)), by=by, **variables)

    def ask(self, *arguments: str, by: tuple[str, ...] = (), **variables: str) -> subprocess.CompletedProcess[str]:
        """Call the launcher with these arguments and no others."""
        return subprocess.run(
            [*(by or (str(self.launcher),)), *arguments],
            env=environment(self.root) | variables,
            cwd=self.root.parent,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(self.launcher), "run"],
            env=environment(self.root),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )


def environment(root: Path) -> dict[str, str]:
    today = unshifted(os.environ)  # an index's certificate is valid today and not at a shifted date
    kept = {name: value for name, value in today.items() if not name.startswith(("RETAIL_", "PYTHON"))}
    return kept | {"RETAIL_PYTHON": sys.executable, "UV_CACHE_DIR": str(root.parent / "uv-cache")}


def make_tree(root: Path) -> Tree:
    for name in TOUCHED:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT_ROOT / name, root / name)
    shutil.copytree(PROJECT_ROOT / COMPLETION, root / COMPLETION)
    (root / "stack" / "__init__.py").touch()
    (root / "stack" / "__main__.py").write_text(STACK)
    (root / "requirements.txt").write_text(locked("iniconfig"))
    (root / "requirements-dev.txt").write_text(locked("pluggy"))
    return Tree(root)


def locked(package: str) -> str:
    """The lines of our lock for a package that is small and needs no other."""
    lock = (PROJECT_ROOT / "requirements-dev.txt").read_text(encoding="utf-8")
    found = re.search(rf"^{package}==.*\n(?:    --hash=.*\n)+", lock, re.MULTILINE)
    assert found is not None
    return found[0]


def count_as_installed(tree: Tree) -> Tree:
    """Have its install count as done, with the Python of the tests in it."""
    python = tree.root / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    sums = subprocess.run(
        ["cksum"], input=(tree.root / "requirements.txt").read_bytes(), capture_output=True, check=True
    )
    tree.stamp.write_text(f"{sums.stdout.decode()}{tree.root / '.venv'}\n")
    return tree


def assert_three_lines(ended: subprocess.CompletedProcess[str], *words: str, code: int = 3) -> None:
    assert ended.returncode == code, ended.stderr
    assert ended.stdout == ""
    lines = ended.stderr.splitlines()[-3:]
    assert [line[: len("error:")].strip() for line in lines] == ["error:", "why:", "do:"], ended.stderr
    for word in words:
        assert word in "\n".join(lines)
