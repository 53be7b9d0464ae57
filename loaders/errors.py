"""What can go wrong, sorted by what the caller does about it.

    RetailError
    ├── NothingToDo           no error at all: there is nothing new, skip
    ├── ConfigurationError    settings are missing or wrong: stop, exit 3
    ├── SourceError           the source API answered badly: exit 4
    │   ├── SourceUnavailable     it may answer later: retried, then stop
    │   ├── SourceRefused         key or request refused: stop at once
    │   └── SourceViolation       the answer breaks the contract: stop at once
    ├── DatabaseError         the warehouse did not answer as it must: exit 5
    │   ├── EntityLocked          another run holds the entity: stop, the other one goes on
    │   └── WatermarkLost         this run lost its entity to a newer one: stop
    └── DataQualityError      data breaks a rule that must hold: exit 6
        └── BronzeDamaged         a file is not what its receipt says: stop, Silver untouched

A message names the subject, the value received, the rule it broke; `remedy` says what to do next.
Driver and HTTP errors are translated once, where they arise, with `from error`.
"""

from __future__ import annotations


class RetailError(Exception):
    """Root of the platform's errors. `exit_code` is what a command line ends with."""

    exit_code = 1
    retryable = False  # whether the same step may succeed if it is run again a little later

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} — {self.remedy}"


class NothingToDo(RetailError):
    """There is nothing new: what would follow has nothing to do either."""

    exit_code = 0


class ConfigurationError(RetailError):
    """A setting is missing or cannot be right."""

    exit_code = 3


class SourceError(RetailError):
    """The source API did not give what its contract promises."""

    exit_code = 4


class SourceUnavailable(SourceError):
    """No whole answer yet: worth another try. `retry_after` is in seconds, None if the source named none."""

    retryable = True

    def __init__(self, message: str, *, remedy: str, retry_after: float | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.retry_after = retry_after


class SourceRefused(SourceError):
    """The source refuses the key or the request: asking again cannot help."""


class SourceViolation(SourceError):
    """A whole answer that breaks the contract: asking again cannot help."""


class DatabaseError(RetailError):
    """The warehouse cannot be reached or refused a statement."""

    exit_code = 5
    retryable = True


class EntityLocked(DatabaseError):
    """Another run is at work on the same entity or table."""


class WatermarkLost(DatabaseError):
    """A newer run has taken the entity: this one may not move the watermark."""

    retryable = False


class DataQualityError(RetailError):
    """Data breaks a rule that must hold before anything moves on."""

    exit_code = 6


class BronzeDamaged(DataQualityError):
    """A Bronze file is missing or differs from its receipt in size, count or sha256."""
