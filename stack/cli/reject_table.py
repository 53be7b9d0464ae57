"""Output of `./retail rejects`: quarantined records as a table and as JSON."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from rich.table import Table

from medallion.foreign_text import escaped
from medallion.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from loaders.rejects import Reject

_WIDTH = 60


def as_data(reject: Reject) -> dict[str, Any]:
    """The record as plain data; bytes that are not UTF-8 are shown as escapes."""
    return vars(reject) | {
        "raw": reject.raw.decode("utf-8", errors="backslashreplace"),
        "first_seen_at": reject.first_seen_at.isoformat(),
    }


def print_rejects(rejects: Sequence[Reject], console: Console, status: str | None = "OPEN") -> None:
    """Print a line per record, and how often each reason occurs. `status` is the one that was asked for."""
    if not rejects:
        console.print(
            f"no {status.lower()} records in quarantine" if status else "no records in quarantine", markup=False
        )
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("id", "dataset", "status", "since", "reason", "record"):
        table.add_column(title, no_wrap=True)
    for one in rejects:
        since = f"{one.first_seen_at:%Y-%m-%d %H:%M}"
        table.add_row(str(one.rejected_record_id), one.dataset, one.status, since, escaped(one.reason), _begin(one.raw))
    console.print(table, markup=False)
    reasons = Counter(one.reason for one in rejects)
    console.print(
        "; ".join(f"{counted(count, 'time')}: {escaped(reason)}" for reason, count in reasons.most_common(5)),
        markup=False,
    )


def print_reject(reject: Reject, console: Console) -> None:
    """Print one record with all its details."""
    for name, value in as_data(reject).items():
        console.print(f"{name:<20} {escaped(str(value))}", markup=False)


def _begin(record: bytes) -> str:
    """The start of a record, as much as a line has room for, without control codes for the terminal."""
    words = record[:_WIDTH].decode("utf-8", errors="backslashreplace")
    text = escaped(words)
    return text if len(record) <= _WIDTH and len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"
