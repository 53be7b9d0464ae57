"""The results of dbt, kept in the warehouse: one row for each model, test and failed audit of a command.

They come from dbt's own result objects, after the command. An audit that did not fail has recorded itself, in the
transaction of its model (sql/audit_functions.sql).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from gold.dbt_runner import failed_audit, reason_of
from medallion.database import transaction
from medallion.statements import Statements

if TYPE_CHECKING:
    from collections.abc import Iterable

    from psycopg2.extensions import connection

_SQL = Statements(__file__)
_MOST_MESSAGE = 1000
_WHERE = "compiled code at"  # a path on the machine of the run: in its log, and not for those who read the report
_KINDS = {"model": "model", "test": "test", "unit_test": "test"}
_STATUSES = {
    "success": "PASS",
    "pass": "PASS",
    "warn": "WARN",
    "fail": "FAIL",
    "error": "ERROR",
    "runtime error": "ERROR",
    "skipped": "SKIPPED",
}


@dataclass(frozen=True)
class Result:
    """The result of a model, a test or an audit. `model` is the one it belongs to, `failures` are rows."""

    kind: str
    name: str
    model: str | None
    status: str
    failures: int | None
    seconds: float | None
    message: str | None


def keep_results(conn: connection, results: Iterable[Any], *, run_id: str, step: str, days: float) -> None:
    """Record the results of a command of dbt, and remove some of those that are older than `days`."""
    found = [one for result in results for one in _results_of(result)]
    with transaction(conn):
        _SQL.execute(conn, "keep_results", {"run_id": run_id, "step": step, **_columns(found)})
        _SQL.execute(conn, "remove_old_results", {"days": days})


def _results_of(result: Any) -> list[Result]:
    """The result of a node of dbt, and of the audit that has failed in it."""
    node = result.node
    kind, status = _KINDS.get(str(node.resource_type)), _STATUSES.get(str(result.status))
    if kind is None or status is None:
        return []
    reason = reason_of(result).partition(_WHERE)[0].rstrip()
    message = None if status == "PASS" else reason[:_MOST_MESSAGE]
    kept = [Result(kind, node.name, _model_of(node), status, result.failures, result.execution_time, message)]
    audit = failed_audit(result)
    if audit:
        failures = audit.reason.split(" ", 1)[0]
        kept.append(Result("audit", audit.name, audit.model, "FAIL", int(failures), None, audit.reason[:_MOST_MESSAGE]))
    return kept


def _model_of(node: Any) -> str | None:
    """The model that a node is, or tests: a test of two models belongs to the one that it is declared with."""
    if node.resource_type == "model":
        return str(node.name)
    unique_id = getattr(node, "attached_node", None) or next(
        (one for one in node.depends_on.nodes if one.startswith("model.")), None
    )
    return str(unique_id).rpartition(".")[2] if unique_id else None


def _columns(results: list[Result]) -> dict[str, list[Any]]:
    """The results by column, as the statement takes them."""
    rows = [asdict(one) for one in results]
    return {name: [row[name] for row in rows] for name in Result.__dataclass_fields__}
