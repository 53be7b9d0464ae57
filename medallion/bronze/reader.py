"""Reading of a Bronze file, checked against its receipt.

Its size is checked before it is opened, its content while it is read: a damaged file raises after its last block, and
the caller discards what it made of the blocks. At most one block is held at a time, unless a single record is longer.
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from medallion.bronze.store import open_store
from medallion.errors import FileDamaged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from medallion.state.receipts import Receipt

_READ_BYTES = 1 << 20
_FIRST_BLOCK = 8  # the first block is this many times smaller than a full one


def read_blocks(location: str, receipt: Receipt, block_bytes: int) -> Iterator[bytes]:
    """Blocks of whole lines, about `block_bytes` each, of the file that `receipt` describes.

    `location` is BRONZE_URL. Raises BronzeDamaged before the first block when the file is missing or has another size,
    and after the last block when it is not what the receipt says: the caller then discards everything read.
    """
    with _opened(location, receipt) as stream:
        yield from _checked(receipt, _blocks(stream, block_bytes, lambda: verify_file(location, receipt)))


def verify_file(location: str, receipt: Receipt) -> None:
    """Compare a file with its receipt by size, sha256 and number of lines. Raises BronzeDamaged."""
    with _opened(location, receipt) as stream:
        for _ in _checked(receipt, iter(lambda: stream.read(_READ_BYTES), b"")):
            pass


@contextmanager
def _opened(location: str, receipt: Receipt) -> Iterator[IO[bytes]]:
    """The file, its size checked; errors of the store are damage, as the file cannot be read."""
    store = open_store(location)
    try:
        _check_size(receipt, store.info(receipt.path))
        with store.read(receipt.path) as stream:
            yield stream
    except OSError as error:
        raise _damaged(receipt, f"cannot be read: {error.strerror or 'missing'}") from error


def _blocks(stream: IO[bytes], block_bytes: int, verify: Callable[[], None]) -> Iterator[bytes]:
    """Blocks of whole lines, small ones first, so that work on the first block can begin soon.

    A line longer than a block is handed out only after `verify`: it is more likely a file of zeros than a record.
    """
    size = max(1, block_bytes // _FIRST_BLOCK)
    while block := stream.read(size):
        end = stream.readline(block_bytes)
        if len(end) == block_bytes and not end.endswith(b"\n"):
            verify()
            end += stream.readline()
        yield block + end
        size = min(2 * size, block_bytes)


def _checked(receipt: Receipt, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same pieces; raises BronzeDamaged after the last one if together they are not what the receipt says.

    A piece with more lines than there should be is not handed out: no caller gets more records than were receipted.
    """
    digest, lines, last = hashlib.sha256(), 0, b""
    for piece in pieces:
        digest.update(piece)
        lines += piece.count(b"\n")
        last = piece[-1:]
        if lines > receipt.records:
            raise _damaged(receipt, f"has more lines than the {receipt.records:,} that its receipt says")
        yield piece
    if digest.hexdigest() != receipt.sha256:
        raise _damaged(receipt, "has another sha256 than its receipt")
    if lines != receipt.records or last != b"\n":
        raise _damaged(receipt, f"has {lines:,} lines, its receipt says {receipt.records:,}")


def _check_size(receipt: Receipt, found: dict[str, Any]) -> None:
    """Check type and size before opening: a device may never answer, and a file too long does not fit into memory."""
    if found["type"] != "file":
        raise _damaged(receipt, f"is no plain file ({found['type']})")
    if found["size"] != receipt.bytes:
        raise _damaged(receipt, f"has {found['size']:,} bytes, its receipt says {receipt.bytes:,}")


def _damaged(receipt: Receipt, what: str) -> FileDamaged:
    return FileDamaged(path=receipt.path, what=what)
