"""The errors of the platform, sorted by what the caller does about them.

    RetailError
    ├── NothingToDo           not a failure: there is nothing new, skip
    ├── ConfigurationError    settings are missing or wrong: stop, exit 3
    │   ├── SettingMissing        a setting that the step needs is not set
    │   ├── SettingInvalid        a setting has an invalid value
    │   ├── DashboardInvalid      a file of superset/ is not valid: nothing was sent
    │   ├── NothingToCompare      a check of dashboards for a day, filter or reference that does not exist
    │   ├── FolderClosed          other accounts cannot reach a folder that they need
    │   └── PortInUse             another program took the port: the next is tried
    ├── SourceError           the source API answered badly: exit 4
    │   ├── SourceUnavailable     it may answer later: retried, then stop
    │   │   ├── InboxUnreadable       the folder that people put files into
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
    │   ├── DeliveryRefused       a file that people handed over is not what was agreed: its sender corrects it
    │   ├── DeliveriesIncomplete  files that people hand over are missing or refused: all others are loaded
    │   ├── FiguresDiffer         a dashboard shows what the reference or Gold does not
    │   ├── GoldTestsFailed       tests of dbt failed: stop, the mart keeps what it has
    │   ├── GoldAuditFailed       an audit rolled a build back: readers keep what they have
    │   ├── AnomaliesFound        a KPI is not where its past says, and the settings ask to stop then
    │   ├── WorkbookRefused       a file that was sent cannot be read safely or completely: its sender corrects it
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
    ├── DashboardServerError  Superset does not answer, or refuses: exit 1
    ├── ToolUnavailable       the environment of a tool cannot be installed: exit 1
    ├── NotebookFailed        a cell of a notebook failed: exit 1
    ├── SecondOpinionFailed   a detector of the second opinion crashed or hung: exit 1
    ├── EngineUnavailable     a benchmark cannot prepare an engine: exit 1
    └── EngineFailed          an engine of a benchmark did not do its work: exit 1

The tree is complete: no other module defines an error (`tests/architecture/test_errors.py`).
A branch takes its message and its remedy as they are, a leaf with fields composes them.
A message names the subject, the value received, the rule it broke, `why` the cause; `remedy` says what to do next.
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
    """Root of the platform's errors. `exit_code` is the exit code of the command.

    `why` is the cause, where the message does not end with it: "what: why".
    """

    exit_code = 1
    retryable = False  # whether the same step may succeed if it is run again a little later
    usual_cause = "another command or service is at work, has failed, or is missing"

    def __init__(self, message: str, *, remedy: str, why: str = "") -> None:
        super().__init__(message)
        self.message = escaped(message, keep="\n")  # it may quote a server, a driver, a name of a file
        self.remedy = escaped(remedy, keep="\n")
        self.why = escaped(why, keep="\n")

    def __str__(self) -> str:
        return f"{self.message} — {self.remedy}"

    def what_and_why(self) -> tuple[str, str]:
        """What happened, and its cause: the one given, else the end of the message, else the usual one. None is empty.

        A message ends with its cause after a line break, or after the first colon that more than a name stands before.
        """
        if self.why:
            return self.message, self.why
        what, _, rest = self.message.partition("\n")
        if rest:
            return what.removesuffix(":"), rest
        subject, _, rest = self.message.partition(": ")
        if rest and " " in subject:
            return self._failed(subject), rest
        return self.message, self._cause() or self.usual_cause

    def _failed(self, subject: str) -> str:
        """What happened, by the part of the message before its cause."""
        return subject

    def _cause(self) -> str:
        """The first line of the error that this one translates, unless the message quotes it."""
        words = escaped(str(self.__cause__ or "")).strip().splitlines()
        return words[0] if words and words[0] not in self.message else ""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy by fields, without the constructor, whose arguments differ."""
        return _restored, (type(self), vars(self))


class NothingToDo(RetailError):
    """There is nothing new: later steps have nothing to do either."""

    usual_cause = "nothing is new"
    exit_code = 0


class ConfigurationError(RetailError):
    """A setting is missing or invalid."""

    usual_cause = "a setting or an argument does not fit this platform"
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
            f"{variable}: {reason.removeprefix('Value error, ')}",
            remedy=f"correct {variable}; docs/configuration.md lists every setting",
        )

    def what_and_why(self) -> tuple[str, str]:
        """The variable, and why its value is not valid."""
        variable, _, reason = self.message.partition(": ")
        return (f"{variable} is not valid", reason) if reason else super().what_and_why()


class DashboardInvalid(ConfigurationError):
    """A file of superset/, a reference, or a dashboard of Superset, is not valid. `problems` says where and what."""

    def __init__(self, *, file: str, problems: Sequence[str]) -> None:
        self.file, self.problems = file, list(problems)
        listed = "".join(f"\n  {one}" for one in problems)
        super().__init__(
            f"{file} is not valid:{listed}", remedy="correct it, then check it with: ./retail superset lint"
        )


class NothingToCompare(ConfigurationError):
    """A check of dashboards is asked for a day, a value of a filter or references that do not exist."""


class FolderClosed(ConfigurationError):
    """The account that Postgres runs under cannot have its data in a folder of RETAIL_HOME."""

    usual_cause = "as root, the platform runs Postgres under an account of its own"

    def __init__(self, what: str) -> None:
        remedy = "set RETAIL_HOME to a folder that other accounts may pass through, such as /srv/retail"
        super().__init__(what, remedy=remedy)


class PortInUse(ConfigurationError):
    """Another program took the port of Postgres after it was found free and before the server opened it."""

    usual_cause = "another program took the port after it was found free"

    def __init__(self) -> None:
        super().__init__(
            "Postgres' port was taken while it started", remedy="set POSTGRES_PORT to a free port, or start again"
        )


class SourceError(RetailError):
    """The source API did not give what its contract promises. Its message is one line, whatever it quotes."""

    usual_cause = "the source API did not answer as its contract says"
    exit_code = 4

    def __init__(self, message: str, *, remedy: str, why: str = "") -> None:
        texts = [one_line(text, _LONGEST_OF_SOURCE) for text in (message, remedy, why)]
        super().__init__(texts[0], remedy=texts[1], why=texts[2])

    def _failed(self, subject: str) -> str:
        """A request as a sentence."""
        return f"{subject} failed" if subject.startswith("GET ") else subject


class SourceUnavailable(SourceError):
    """No complete answer yet: worth another try. `retry_after` is in seconds, None if the source named none."""

    usual_cause = "the source gave no complete answer; it may give one later"
    retryable = True

    def __init__(self, message: str, *, remedy: str, retry_after: float | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.retry_after = retry_after


class InboxUnreadable(SourceUnavailable):
    """The folder of an inbox, or a file in it, cannot be read."""


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

    usual_cause = "the source refuses the request: another try cannot help"


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

    usual_cause = "a complete answer breaks the contract: another try cannot help"


class TotalsWrong(SourceViolation):
    """Control totals of the source that cannot be right."""

    def __init__(self, what: str) -> None:
        super().__init__(what, remedy="nothing was compared; have the source's totals fixed, then run the check again")


class DatabaseError(RetailError):
    """The warehouse cannot be reached or refused a statement."""

    usual_cause = "the warehouse did not do what the step asked for"
    exit_code = 5
    retryable = True


class EntityLocked(DatabaseError):
    """Another run is at work on the same entity or table."""

    usual_cause = "one step at a time may work on it"


class WatermarkLost(DatabaseError):
    """A newer run has taken the entity: this one may not move the watermark."""

    usual_cause = "only the newest run of an entity may move its watermark"
    retryable = False


class MigrationRefused(DatabaseError):
    """The warehouse was migrated by other files than those of this version, or one of these cannot be applied."""

    usual_cause = "the warehouse and sql/migrations do not fit, so nothing was changed"
    retryable = False


class DataQualityError(RetailError):
    """Data breaks a rule that must hold before anything moves on."""

    usual_cause = "data breaks a rule that must hold before the next step"
    exit_code = 6


class DeliveryRefused(DataQualityError):
    """A file that people handed over is not what was agreed. The remedy is for its sender."""

    retryable = False


class DeliveriesIncomplete(DataQualityError):
    """Files that people hand over are missing or were refused. `files` says which, each with what is wrong."""

    def __init__(self, *, files: Sequence[str]) -> None:
        self.files = tuple(files)
        super().__init__(
            f"{len(self.files)} files are missing or refused: {'; '.join(self.files)}",
            remedy="have their senders deliver them: ./retail deliveries says how. All other files are loaded",
        )


class FiguresDiffer(DataQualityError):
    """Dashboards show figures that a reference, or SQL over Gold, does not have."""


class GoldTestsFailed(DataQualityError):
    """Tests of dbt failed. `tests` names them, `reason` is that of the first."""

    def __init__(self, *, tests: str, reason: str) -> None:
        self.tests = tests
        super().__init__(
            f"dbt tests failed: {tests}: {reason}",
            remedy="look at the failing rows with the test's compiled SQL; the next run tests them again",
        )


class GoldAuditFailed(DataQualityError):
    """An audit rolled the build of a model back. `audits` names them, `reason` is that of the first."""

    def __init__(self, *, audits: str, reason: str) -> None:
        self.audits = audits
        super().__init__(
            f"Gold was not published: {audits}: {reason}",
            remedy="readers keep the rows they had; correct what ./retail audits names, or build again from Silver "
            "(./retail rebuild --in-place)",
        )


class AnomaliesFound(DataQualityError):
    """KPIs are not where their past says, and `ANOMALIES_FAIL_RUN` asks to stop then. `explanations` say which."""

    usual_cause = "ANOMALIES_FAIL_RUN is set, and the run has found what was not known before"
    retryable = False

    def __init__(self, *, explanations: Sequence[str]) -> None:
        self.explanations = tuple(explanations)
        more = f" (and {len(explanations) - 1} more)" if len(explanations) > 1 else ""
        super().__init__(
            f"a KPI is an anomaly: {explanations[0]}{more}",
            remedy="look at them: ./retail anomalies; the figures are loaded, and the next run continues",
        )


class WorkbookRefused(DataQualityError):
    """A workbook or a Parquet file cannot be read safely and whole. `remedy` is what its sender can do."""

    def __init__(self, *, file: str, finding: str, remedy: str) -> None:
        self.file, self.finding = file, finding
        super().__init__(f"{file} is refused: {finding}", remedy=remedy)


class BronzeDamaged(DataQualityError):
    """A Bronze file is missing or differs from its receipt in size, count or sha256."""

    usual_cause = "a Bronze file counts only while it has the size, the number of records and the sha256 of its receipt"


class FileDamaged(BronzeDamaged):
    """The file that is to be loaded. `what` says how it differs from its receipt."""

    def __init__(self, *, path: str, what: str) -> None:
        self.path = path
        super().__init__(
            f"Bronze file {path} {what}",
            remedy="restore the file from a backup; or pull everything again with the DAG's full_refresh, then retire "
            "this file: ./retail verify --retire",
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

    usual_cause = "a service ended, or was not ready in time"


class ProcessFailed(RetailError):
    """Another process failed. `exit_code` is that of its error."""

    usual_cause = "another process ended with an error of its own"

    def __init__(self, message: str, *, remedy: str, exit_code: int = RetailError.exit_code, why: str = "") -> None:
        super().__init__(message, remedy=remedy, why=why)
        self.exit_code = exit_code


class RunFailed(ProcessFailed):
    """The DAG's run failed."""


class StepFailed(ProcessFailed):
    """A step that ran as a process of its own failed."""


class DashboardServerError(RetailError):
    """Superset does not answer, refuses a login or a request, or answers what cannot be read."""

    usual_cause = "Superset is not running, or is of another version"


class ToolUnavailable(RetailError):
    """The environment of a tool cannot be installed here: what needs that tool is not done."""

    usual_cause = "it is not part of the platform: it is installed when a command needs it"


class NotebookFailed(RetailError):
    """A cell of a notebook failed. `section` is the title above the cell, `others` are more notebooks that failed."""

    def __init__(self, *, name: str, cell: int, section: str, reason: str, others: Sequence[str] = ()) -> None:
        self.name, self.cell, self.section, self.others = name, cell, section, list(others)
        more = f" (as did {', '.join(others)})" if others else ""
        super().__init__(
            f"notebook {name} failed in cell {cell}, under {section!r}{more}",
            why=reason,
            remedy=f"./retail notebook {name} opens it: run the cells up to that one and correct it",
        )


class SecondOpinionFailed(RetailError):
    """A detector of the nightly second opinion crashed, hung or answered badly. The last opinion is kept."""

    usual_cause = "the program of the detector, or its environment, is damaged"

    def __init__(self, *, detector: str, reason: str) -> None:
        self.detector = detector
        super().__init__(
            f"the second opinion has no scores of {detector}: {reason}",
            remedy="make its environment again: ./retail env remove outliers, then ./retail env make outliers; "
            "the next night tries again",
        )


class EngineUnavailable(RetailError):
    """An engine of the benchmarks cannot be installed here: it is left out with a warning, the others run."""

    usual_cause = "it is not part of the platform: it is installed for a benchmark only"


class EngineFailed(RetailError):
    """An engine failed, or did not load what the source holds: none of its figures counts."""

    usual_cause = "a figure counts only if the engine has loaded what the source holds"


def _refused(subject: str, status: int) -> str:
    return f"{subject}: status {status}: the source refuses the request"


def _restored(kind: type[_Error], fields: dict[str, Any]) -> _Error:
    """The error that has these fields."""
    error = kind.__new__(kind, fields["message"])
    vars(error).update(fields)
    return error
