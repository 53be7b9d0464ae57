"""A part under way: one open Bronze file per dataset, until one of them is full or it has been open for long enough."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from medallion.process.fail_points import fail_point

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from medallion.bronze.ndjson import Ndjson
    from medallion.bronze.writer import BronzeFile, WrittenFile
    from medallion.settings import Settings


class Part:
    """The open files of a part, one per dataset that has records."""

    def __init__(self, settings: Settings) -> None:
        self._files: dict[str, BronzeFile] = {}
        self._full_at = settings.bronze_part_bytes
        self._due_at = time.monotonic() + settings.bronze_part_seconds

    @property
    def is_complete(self) -> bool:
        """Whether a file is full, or the part has been open for long enough. One without records never is."""
        if not self._files:
            return False
        return time.monotonic() > self._due_at or any(file.bytes >= self._full_at for file in self._files.values())

    def append(self, dataset: str, lines: Ndjson, create: Callable[[str], BronzeFile]) -> None:
        """Add records of a dataset; its file is made with the first of them."""
        if not lines.records:
            return
        if dataset not in self._files:
            self._files[dataset] = create(dataset)
            self._files[dataset].open()
        self._files[dataset].append(lines)

    def commit(self) -> dict[str, WrittenFile]:
        """Make every file durable under its final name."""
        files = {dataset: file.commit() for dataset, file in self._files.items()}
        if files:
            fail_point("part.durable")
        return files

    @contextmanager
    def discarded_on_error(self) -> Iterator[None]:
        """A part that fails leaves no file under a temporary name."""
        try:
            yield
        except BaseException:
            with ExitStack() as discards:  # every file, even if one discard is interrupted
                for file in self._files.values():
                    discards.callback(file.discard)
            raise
