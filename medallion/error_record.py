"""An error as data, for the ETL log and for the failure file of a step that could not reach the warehouse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from medallion.errors import RetailError
from medallion.foreign_text import shown

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST_OF_OTHERS = 2_000  # characters
_LONGEST_OF_OURS = 4_000


@dataclass(frozen=True)
class ErrorRecord:
    """An error as the ETL log keeps it. `remedy` and `error_type` are None where they are not known."""

    error_message: str
    error_type: str | None = None
    remedy: str | None = None
    exit_code: int = RetailError.exit_code


def record_of(error: BaseException, clean: Callable[[str], str] = str) -> ErrorRecord:
    """The record of any error, bounded in length. Its text goes through `clean` before it is cut."""
    kind = type(error).__name__
    if isinstance(error, RetailError):
        message, remedy = _cut(clean(error.message)), _cut(clean(error.remedy))
        return ErrorRecord(message, kind, remedy, error.exit_code)
    exit_code = getattr(error, "exit_code", RetailError.exit_code)
    return ErrorRecord(shown(clean(f"{kind}: {error}"), _LONGEST_OF_OTHERS), kind, exit_code=exit_code)


def _cut(text: str) -> str:
    """A text of the platform's errors, which may have several lines, cut to the length that is kept."""
    return text if len(text) <= _LONGEST_OF_OURS else f"{text[:_LONGEST_OF_OURS]}… ({len(text):,} characters)"
