"""Copies of Bronze files between the store and the folder of a backup, each checked against its receipt.

A file that is there already is read and kept if it is what its receipt says, so a copy that was interrupted resumes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from medallion.bronze.ndjson import Ndjson
from medallion.bronze.reader import read_blocks, verify_file
from medallion.bronze.writer import BronzeStore
from medallion.errors import BronzeDamaged, BronzeWriteFailed, RetailError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from medallion.state.receipts import Receipt

_BLOCK_BYTES = 4_000_000


@dataclass(frozen=True)
class Copied:
    """What a copy did: files that it wrote, files that were there already, and damage by path."""

    written: int
    kept: int
    bytes: int
    damaged: dict[str, str]


def copy_files(receipts: Sequence[Receipt], source: str, target: str, *, group_readable: bool = False) -> Copied:
    """Copy the files of these receipts from one location to another.

    A damaged file is named in the result and not copied. Raises RetailError when the target does not take a file.
    """
    store = BronzeStore(target, group_readable=group_readable)
    written, kept, damaged = 0, 0, {}
    for receipt in receipts:
        if _is_there(target, receipt):
            kept += 1
            continue
        try:
            _copy(receipt, source, store)
        except BronzeDamaged as error:
            damaged[receipt.path] = error.message
        except BronzeWriteFailed as error:
            raise RetailError(
                f"the copy to {target} stopped: {error.message}",
                remedy="free space there or fix the disk, then run the command again: it resumes",
            ) from error
        else:
            written += 1
    size = sum(one.bytes for one in receipts if one.path not in damaged)
    return Copied(written, kept, size, damaged)


def _is_there(target: str, receipt: Receipt) -> bool:
    try:
        verify_file(target, receipt)
    except BronzeDamaged:
        return False
    return True


def _copy(receipt: Receipt, source: str, store: BronzeStore) -> None:
    """Copy one file, durably. It gets its name once it has been checked. Raises BronzeDamaged or BronzeWriteFailed."""
    file = store.file(receipt.path)
    file.open()
    try:
        for block in read_blocks(source, receipt, _BLOCK_BYTES):
            file.append(Ndjson(block, block.count(b"\n")))
        file.commit()
    except BaseException:
        file.discard()
        raise
