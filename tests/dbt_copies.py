"""The dbt project in a copy that a test may change."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from gold import dbt_runner
from medallion.settings import Settings


@contextmanager
def project_copy(settings: Settings, folder: Path) -> Iterator[Path]:
    """Have dbt run a copy of the project, in `folder`. What dbt knows of the project itself is there again at the end.

    Else dbt would parse the project from the beginning, for seconds, or keep what it knows of a copy. It begins with
    what it knows of the project, so of the copy it parses what is changed.
    """
    copy = folder / "dbt-copy"
    shutil.copytree(dbt_runner.PROJECT_DIR, copy, ignore=shutil.ignore_patterns("target", "dbt_packages", "logs"))
    target = Path(dbt_runner.dbt_state(settings.retail_home)["DBT_TARGET_PATH"])
    kept = folder / "target-of-the-project"
    if target.exists():
        shutil.copytree(target, kept)
    try:
        with patch.object(dbt_runner, "PROJECT_DIR", copy):
            yield copy
    finally:
        shutil.rmtree(target, ignore_errors=True)
        if kept.exists():
            kept.rename(target)


def alter(copy: Path, file: str, old: str, new: str) -> None:
    """Replace a text in a file of the copy, wherever it stands there."""
    text = (copy / file).read_text(encoding="utf-8")
    assert old in text, f"{file} has no {old!r}: the test would alter nothing"
    (copy / file).write_text(text.replace(old, new), encoding="utf-8")
