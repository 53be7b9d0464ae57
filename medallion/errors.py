"""The errors of the platform, sorted by what the caller does about them.

    RetailError
    ├── NothingToDo           not a failure: there is nothing new, skip
    ├── ConfigurationError    settings are missing or wrong: stop, exit 3
    │   ├── SettingMissing        a setting that the step needs is not set
    │   ├── SettingInvalid        a setting has an invalid value
    │   ├── FolderClosed          other accounts cannot reach a folder that they need
    │   └── PortInUse             another program took the port: the next is tried
    ├── SourceError           the source API answered badly: exit 4
    │   ├── SourceUnavailable     it may answer later: retried, then stop
    │   │   └── AnswerNotWhole        a part of the answer is missing
    │   ├── SourceRefused         key or request refused: stop at once
    │   │   ├── KeyRefused            the key
    │   │   ├── RequestRefused        the request
    │   │   └── NotOffered            the source has no such resource: do without, and say so
    │   │       └── ResourceNotOffered    by the status of its answer
    │   └── SourceViolation       the answer breaks the contract: stop at once
    │       └── TotalsWrong           control totals that cannot be right
    ├── DatabaseError         the warehouse did not answer as it must: exit 5
    │   ├── EntityLocked          another run holds the entity: stop, that run continues
    │   ├── WatermarkLost         this run lost its entity to a newer one: stop
    │   └── MigrationRefused      the warehouse and sql/migrations do not fit: stop, nothing changed
    ├── DataQualityError      data breaks a rule that must hold: exit 6
    │   ├── GoldTestsFailed       tests of dbt failed: stop, the mart keeps what it has
    │   └── BronzeDamaged         files are not what their receipts say: stop, Silver untouched
    │       ├── FileDamaged           the file that is to be loaded
    │       └── FilesDamaged          files that a check of all has found
    ├── BronzeWriteFailed     the store did not take a file: exit 1
    ├── BronzeNotRemoved      the store did not remove a file: exit 1
    ├── GoldBuildFailed       dbt could not build a model: exit 1
    ├── ServiceFailed         a service ended, or was not ready in time: exit 1
    ├── ProcessFailed         a process or a run failed: exit with its code
    │   ├── RunFailed             the DAG's run
    │   └── StepFailed            a step that runs as a process
    ├── EngineUnavailable     a benchmark cannot prepare an engine: exit 1
    └── EngineFailed          an engine of a benchmark did not do its work: exit 1

The tree is complete: no other module defines an error (`tests/architecture/test_errors.py`).
A branch takes its message and its remedy as they are, a leaf with fields composes them.
A message names the subject, the value received, the rule it broke; `remedy` says what to do next.
Driver and HTTP errors are translated once, where they arise, with `from error`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from medallion.foreign_text import escaped, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONGEST_OF_SOURCE = 2_000  # characters
_REMEDY_OF_REFUSED = "check SOURCE_API_URL and the stored cursor (./retail status)"
_Error = TypeVar("_Error", bound="RetailError")


class RetailError(Exception):
    """Root of the platform's errors. `exit_code` is the exit code of the command."""

    exit_code = 1
    retryable = False  # whether the same step may succeed if it is run again a little later

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.message = escaped(message, keep="\n")  # it may quote a server, a driver, a name of a file
        self.remedy = escaped(remedy, keep="\n")

    def __str__(self) -> str:
        return f"{self.message} — {self.remedy}"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy by fields, without the constructor, whose arguments differ."""
        return _restored, (type(self), vars(self))


class NothingToDo(RetailError):
    """There is nothing new: later steps have nothing to do either."""

    exit_code = 0


class ConfigurationError(RetailError):
    """A setting is missing or invalid."""

    exit_code = 3


class SettingMissing(ConfigurationError):
    """A setting that the step needs is not set. `meaning`: what is unknown without it.

    `remedy`: what to do where starting the platform on this machine would not help.
    """

    def __init__(self, *, variable: str, meaning: str, remedy: str = "") -> None:
        self.variable = variable
        super().__init__(
            f"{variable} is not set: {meaning} is unknown",
            remedy=remedy or f"set {variable}, or start the platform on this machine with ./retail up",
        )


class SettingInvalid(ConfigurationError):
    """A setting has an invalid value."""

    def __init__(self, *, variable: str, reason: str) -> None:
        self.variable = variable
        super().__init__(
            f"{variable}: {reason}", remedy=f"correct {variable}; docs/configuration.md lists every setting"
        )


class FolderClosed(ConfigurationError):
    """The account that Postgres runs under cannot have its data in a folder of RETAIL_HOME."""

    def __init__(self, what: str) -> None:
        remedy = "set RETAIL_HOME to a folder that other accounts may pass through, such as /srv/retail"
        super().__init__(what, remedy=remedy)


class PortInUse(ConfigurationError):
    """Another program took the port of Postgres after it was found free and before the server opened it."""

    def __init__(self) -> None:
        super().__init__(
            "Postgres' port was taken while it started", remedy="set POSTGRES_PORT to a free port, or start again"
        )


class SourceError(RetailError):
    """The source API did not give what its contract promises. Its message is one line, whatever it quotes."""

    exit_code = 4

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(one_line(message, _LONGEST_OF_SOURCE), remedy=one_line(remedy, _LONGEST_OF_SOURCE))


class SourceUnavailable(SourceError):
    """No complete answer yet: worth another try. `retry_after` is in seconds, None if the source named none."""

    retryable = True

    def __init__(self, message: str, *, remedy: str, retry_after: float | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.retry_after = retry_after


class AnswerNotWhole(SourceUnavailable):
    """A part of an answer is missing, or it cannot be read to its end. `subject` is the request."""

    def __init__(self, *, subject: str, reason: str) -> None:
        self.subject = subject
        super().__init__(
            f"{subject}: the answer is incomplete: {reason}",
            remedy="nothing of it was kept; see the source's own log for that request",
        )


class SourceRefused(SourceError):
    """The source refuses the key or the request: asking again cannot help."""


class KeyRefused(SourceRefused):
    """The source does not take the key. `subject` is the request, `status` that of the answer."""

    def __init__(self, *, subject: str, status: int) -> None:
        self.subject, self.status = subject, status
        super().__init__(
            f"{subject}: status {status}: the key is missing, wrong or revoked", remedy="set SOURCE_API_KEY"
        )


class RequestRefused(SourceRefused):
    """The source does not take the request. `subject` is the request, `status` that of the answer."""

    def __init__(self, *, subject: str, status: int) -> None:
        self.subject, self.status = subject, status
        super().__init__(_refused(subject, status), remedy=_REMEDY_OF_REFUSED)


class NotOffered(SourceRefused):
    """The source does not offer the resource: an optional part of the contract, such as totals."""


class ResourceNotOffered(NotOffered):
    """The source has no such resource. `subject` is the request, `status` that of the answer."""

    def __init__(self, *, subject: str, status: int) -> None:
        self.subject, self.status = subject, status
        super().__init__(_refused(subject, status), remedy=_REMEDY_OF_REFUSED)


class SourceViolation(SourceError):
    """A complete answer that breaks the contract: asking again cannot help."""


class TotalsWrong(SourceViolation):
    """Control totals of the source that cannot be right."""

    def __init__(self, what: str) -> None:
        super().__init__(what, remedy="nothing was compared; have the source's totals fixed, then run the check again")


class DatabaseError(RetailError):
    """The warehouse cannot be reached or refused a statement."""

    exit_code = 5
    retryable = True


class EntityLocked(DatabaseError):
    """Another run is at work on the same entity or table."""


class WatermarkLost(DatabaseError):
    """A newer run has taken the entity: this one may not move the watermark."""

    retryable = False


class MigrationRefused(DatabaseError):
    """The warehouse was migrated by other files than those of this version, or one of these cannot be applied."""

    retryable = False


class DataQualityError(RetailError):
    """Data breaks a rule that must hold before anything moves on."""

    exit_code = 6


class GoldTestsFailed(DataQualityError):
    """Tests of dbt failed. `tests` names them, `reason` is that of the first."""

    def __init__(self, *, tests: str, reason: str) -> None:
        self.tests = tests
        super().__init__(
            f"dbt tests failed: {tests}: {reason}",
            remedy="look at the failing rows with the test's compiled SQL; the next run tests them again",
        )


class BronzeDamaged(DataQualityError):
    """A Bronze file is missing or differs from its receipt in size, count or sha256."""


class FileDamaged(BronzeDamaged):
    """The file that is to be loaded. `what` says how it differs from its receipt."""

    def __init__(self, *, path: str, what: str) -> None:
        self.path = path
        super().__init__(
            f"Bronze file {path} {what}",
            remedy="restore the file from a backup; or pull everything again with the DAG's full_refresh, then give "
            "this file up: ./retail verify --retire",
        )


class FilesDamaged(BronzeDamaged):
    """Damaged files found by a check of all. `damages` says how each differs, `files` how many were read."""

    def __init__(self, *, damages: Sequence[str], files: int) -> None:
        self.damages, self.files = tuple(damages), files
        super().__init__(
            "\n".join((f"{len(damages):,} of {files:,} files are damaged", *damages)),
            remedy="restore them from a backup; or pull everything again with the DAG's full_refresh, then retire "
            "them: ./retail verify --retire",
        )


class BronzeWriteFailed(RetailError):
    """The store did not take a file: no receipt of the part is committed."""

    def __init__(self, *, path: str, reason: str) -> None:
        self.path = path
        super().__init__(
            f"Bronze file {path} could not be written: {reason}",
            remedy="free space or fix the disk; nothing was acknowledged, the next run pulls it again",
        )


class BronzeNotRemoved(RetailError):
    """The store did not remove a file that may go."""

    def __init__(self, *, path: str, reason: str) -> None:
        self.path = path
        super().__init__(
            f"Bronze file {path} could not be removed: {reason}",
            remedy="let the pipeline's account remove files under BRONZE_URL; the next night tries again",
        )


class GoldBuildFailed(RetailError):
    """dbt could not build models; what readers saw before is still there. `reason` is that of the first."""

    def __init__(self, *, models: str, reason: str) -> None:
        self.models = models
        super().__init__(
            f"dbt could not build {models}: {reason}",
            remedy="readers keep the last good version; fix the model, the next run catches up",
        )


class ServiceFailed(RetailError):
    """A service ended, or did not become ready in time. The message carries the end of its log."""


class ProcessFailed(RetailError):
    """Another process failed. `exit_code` is that of its error."""

    def __init__(self, message: str, *, remedy: str, exit_code: int = RetailError.exit_code) -> None:
        super().__init__(message, remedy=remedy)
        self.exit_code = exit_code


class RunFailed(ProcessFailed):
    """The DAG's run failed."""


class StepFailed(ProcessFailed):
    """A step that ran as a process of its own failed."""


class EngineUnavailable(RetailError):
    """An engine of the benchmarks cannot be installed here: it is left out with a warning, the others run."""


class EngineFailed(RetailError):
    """An engine failed, or did not load what the source holds: none of its figures counts."""


def _refused(subject: str, status: int) -> str:
    return f"{subject}: status {status}: the source refuses the request"


def _restored(kind: type[_Error], fields: dict[str, Any]) -> _Error:
    """The error that has these fields."""
    error = kind.__new__(kind, fields["message"])
    vars(error).update(fields)
    return error
