"""Reading a Bronze file: held against its receipt first, then block by block.

The whole file is hashed before its first record is used, so a damaged file changes nothing in Silver.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import fsspec

from loaders.errors import BronzeDamaged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loaders.state_store import Receipt


def read_blocks(location: str, receipt: Receipt, block_bytes: int) -> Iterator[bytes]:
    """Blocks of whole lines, about `block_bytes` each, of the file that `receipt` describes.

    `location` is BRONZE_URL. Raises BronzeDamaged when the file is missing or not what the receipt says.
    """
    data = read_verified(location, receipt)
    start = 0
    while start < len(data):
        end = data.find(b"\n", min(start + block_bytes, len(data)) - 1) + 1
        yield data[start:end]
        start = end


def read_verified(location: str, receipt: Receipt) -> bytes:
    """The whole file, held against its receipt in size, sha256 and count of lines. Raises BronzeDamaged."""
    files, root = fsspec.core.url_to_fs(location)
    full = f"{root}/{receipt.path}"
    try:
        _check_size(receipt, files.info(full))
        data: bytes = files.cat_file(full)
    except OSError as error:
        raise _damaged(receipt, f"cannot be read: {error.strerror or 'missing'}") from error
    if hashlib.sha256(data).hexdigest() != receipt.sha256:
        raise _damaged(receipt, "has another sha256 than its receipt")
    if data.count(b"\n") != receipt.records or not data.endswith(b"\n"):
        raise _damaged(receipt, f"has {data.count(chr(10).encode()):,} lines, its receipt says {receipt.records:,}")
    return data


def _check_size(receipt: Receipt, found: dict[str, Any]) -> None:
    """Before it is opened: what is no file may never answer, and what is far too long does not fit into memory."""
    if found["type"] != "file":
        raise _damaged(receipt, f"is no plain file ({found['type']})")
    if found["size"] != receipt.bytes:
        raise _damaged(receipt, f"has {found['size']:,} bytes, its receipt says {receipt.bytes:,}")


def _damaged(receipt: Receipt, what: str) -> BronzeDamaged:
    return BronzeDamaged(
        f"Bronze file {receipt.path} {what}",
        remedy="restore the file from a backup; or pull everything again with the DAG's full_refresh, then give this "
        "file up: ./retail verify --retire",
    )
