"""The bytes of a file, unpacked if it is a gzip file, in pieces: what a bomb holds is counted and never kept."""

from __future__ import annotations

import gzip
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, cast

from medallion.errors import DeliveryRefused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingestion.files.limits import FileLimits

GZIP = b"\x1f\x8b"
SEND_AGAIN = "wait until it is saved and copied completely, then deliver it again"
SMALLER = "remove what is not data, or split it into smaller files, and deliver it again"
_PIECE = 1 << 20
_START = 1 << 16


@dataclass(frozen=True)
class Packed:
    """A file of text, packed or not."""

    path: Path
    limits: FileLimits
    is_gzip: bool = False

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Its bytes as a stream. What is wrong with the file is raised as DeliveryRefused, also by the `with` block."""
        try:
            with self.path.open("rb") as file:
                if self.is_gzip:
                    with gzip.GzipFile(fileobj=file) as unpacked:
                        yield cast("IO[bytes]", unpacked)
                else:
                    yield file
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise self.refused(f"it is half copied or damaged ({error})", SEND_AGAIN) from error
        except OSError as error:
            raise self.refused(f"it cannot be read ({error.strerror or error})", "deliver it again") from error

    def start(self) -> bytes:
        """Its first bytes."""
        with self.open() as stream:
            return stream.read(_START)

    def pieces(self) -> Iterator[bytes]:
        """All of its bytes. Raises DeliveryRefused, also for more than it may have."""
        limits, size = self.limits, 0
        if self.path.stat().st_size > limits.most_bytes:
            raise self.refused(f"it is larger than {limits.most_bytes / 1e6:,g} MB", SMALLER)
        with self.open() as stream:
            while piece := stream.read(_PIECE):
                size += len(piece)
                if size > limits.most_unpacked:
                    raise self.refused(f"it unpacks to more than {limits.most_unpacked / 1e6:,g} MB", SMALLER)
                yield piece

    def refused(self, finding: str, remedy: str) -> DeliveryRefused:
        """The error for a file that cannot be read."""
        return DeliveryRefused(f"{self.path.name} is refused: {finding}", remedy=remedy)
