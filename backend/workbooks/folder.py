"""Files in folders, one per domain: whole or not at all, and no file is overwritten unasked."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from backend.workbooks.files import Report

_READABLE = 0o644  # as a copied file is; a temporary one is its owner's alone


def write_reports(folder: Path, reports: Iterable[Report], *, replace: bool = False) -> int:
    """Write each report to `<folder>/<domain>/<name>`; returns how many.

    Raises FileExistsError, and writes nothing, where a file is there already and `replace` does not ask for another.
    """
    targets = {folder / report.domain / report.name: report.content for report in reports}
    if not replace and (there := [path for path in targets if path.exists()]):
        raise FileExistsError(f"{there[0]} is there already, {len(there)} in all: nothing is written")
    for path, content in targets.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, content)
    return len(targets)


def _write(path: Path, content: bytes) -> None:
    """Write under a name that begins with a dot, then rename: no reader sees a part of the file."""
    handle, temporary = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).chmod(_READABLE)
        Path(temporary).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(temporary).unlink()
        raise
