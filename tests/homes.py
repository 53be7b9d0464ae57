"""Folders for a RETAIL_HOME. As root, Postgres runs under another account, which must be able to reach them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that every account may pass through, unlike pytest's own; removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="retail-tests-")).resolve()
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
