"""docs/extending.md as a program: the blocks of "Another entity", and a copy of the checkout that follows them."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from medallion.settings import PROJECT_ROOT, Settings
from tests.conftest import KEY, NOON, START
from tests.ports import free_port
from tests.process_table import eventually

CODE = (
    "airflow",
    "backend",
    "dashboards",
    "dbt",
    "gold",
    "ingestion",
    "loaders",
    "medallion",
    "quality",
    "report",
    "sql",
    "stack",
)
BLOCK = re.compile(r"`([\w/.]+)`[^`\n]*:\n\n   ```(\w+)\n(.*?)\n   ```", re.DOTALL)
COMMAND = re.compile(r"   ```bash\n(.*?)\n   ```", re.DOTALL)
# The steps of the DAG, one after the other.
HOUR = """
from datetime import datetime, timezone
from importlib import import_module

from medallion.database import connect
from medallion.errors import NothingToDo
from medallion.process.steps import HOURLY
from medallion.schema import prepare_schema
from medallion.settings import load_settings

settings = load_settings()
with connect(settings.require_database_url()) as conn:
    prepare_schema(conn)
    for step in HOURLY:
        options = {"subject": step.subject} if step.subject else {}
        if step.takes_clock:
            options["now"] = datetime(2026, 11, 6, 12, tzinfo=timezone.utc)
        for work in step.work:
            module, name = work.split(":")
            try:
                done = getattr(import_module(module), name)(conn, settings, run_id="hour", **options)
            except NothingToDo as nothing:
                raise SystemExit(f"{step.id}: {nothing.message}")
            print(step.id, done.summary())
"""


@dataclass(frozen=True)
class Block:
    """A block of the page: what it says of which file."""

    path: str
    kind: str
    text: str

    @property
    def lines(self) -> list[str]:
        """Those that a person writes."""
        lines = [line for line in self.text.splitlines() if line.strip()]
        return [line[1:] for line in lines if line[0] == "+" and line[1:]] if self.kind == "diff" else lines


def page() -> str:
    text = (PROJECT_ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    return text.split("## Another entity\n")[1].split("\n## ")[0]


def blocks() -> list[Block]:
    """Without the indentation of the list that they stand in."""
    return [
        Block(path, kind, re.sub("^   ", "", text, flags=re.MULTILINE)) for path, kind, text in BLOCK.findall(page())
    ]


@dataclass(frozen=True)
class Checkout:
    """A copy of the checkout, and what its processes are told."""

    folder: Path
    environment: dict[str, str] = field(repr=False)

    def follow(self, block: Block) -> None:
        file = self.folder / block.path
        if block.kind == "diff":
            file.write_text(patched(file.read_text(encoding="utf-8"), block), encoding="utf-8")
        else:
            assert not file.exists(), f"{block.path} is there already"
            file.write_text(block.text + "\n", encoding="utf-8")

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def source(self) -> Iterator[None]:
        """The source API of this checkout, where the settings look for it."""
        port = self.environment["SOURCE_API_URL"].rpartition(":")[2]
        serve = [sys.executable, "-m", "uvicorn", "backend.main:app", "--port", port, "--log-level", "warning"]
        process = subprocess.Popen(serve, cwd=self.folder, env=self.environment)
        try:
            assert eventually(lambda: answers(self.environment["SOURCE_API_URL"]), 60)
            yield
        finally:
            process.terminate()
            process.wait(30)


def patched(text: str, block: Block) -> str:
    """The text after a diff that names no line numbers: each run of changes stands after the line before it."""
    for part in re.split(r"\n(?=-)", block.text):
        lines = part.split("\n")
        before = "\n".join(line[1:] for line in lines if line[0] in " -")
        after = "\n".join(line[1:] for line in lines if line[0] in " +")
        assert text.count(before) == 1, f"{block.path} has not just one {before!r}"
        text = text.replace(before, after)
    return text


def copied(folder: Path, settings: Settings) -> Checkout:
    for name in CODE:
        shutil.copytree(PROJECT_ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "target"))
    shape = {"SEED": "7", "SALES_PER_HOUR": "5", "CUSTOMERS": "60", "PRODUCTS": "20", "START": START.isoformat()}
    return Checkout(
        folder,
        os.environ
        | {f"SOURCE_{name}": value for name, value in shape.items()}
        | {
            "SOURCE_NOW": NOON.isoformat(),
            "PYTHONPATH": str(folder),
            "DATABASE_URL": str(settings.require_database_url()),
            "SOURCE_API_URL": f"http://127.0.0.1:{free_port()}",
            "SOURCE_API_KEY": KEY,
            "RETAIL_HOME": str(settings.retail_home),
        },
    )


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz").is_success
    except httpx.TransportError:
        return False


def fill(checkout: Checkout) -> str:
    """An hour by the steps of the checkout, on its own source. Returns what they say."""
    with checkout.source():
        return checkout.run("-c", HOUR)


def with_suppliers(folder: Path, settings: Settings) -> Checkout:
    """A copy in which the page was followed to its end."""
    checkout = copied(folder, settings)
    for block in blocks():
        checkout.follow(block)
    (command,) = COMMAND.findall(page())
    checkout.run(*shlex.split(command.strip())[1:])
    return checkout
