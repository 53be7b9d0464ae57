"""The audits of Gold: those that the models declare, with their last results.

An audit is declared with its model (`meta.audits` in dbt/models/gold), runs in the model's own transaction
(dbt/macros/audits.sql), and its results are in `meta.gold_result`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - msgspec reads the types at run time
from typing import TYPE_CHECKING

from medallion.settings import PROJECT_ROOT
from medallion.statements import Statements
from medallion.yaml_files import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from psycopg2.extensions import connection

_SQL = Statements(__file__)
_MODELS = PROJECT_ROOT / "dbt" / "models" / "gold"


@dataclass(frozen=True)
class Audited:
    """One result of an audit. `rows` is how many it looked at, `failures` how many were wrong.

    `value` is what it measured, such as a share of nulls. `seconds` is None for one that rolled its build back, and
    `build_seconds` is how long the build took that it was a part of. The audits of a build share one look at its rows,
    whose seconds are with the first of them.
    """

    run_id: str
    status: str
    failures: int
    rows: int | None
    value: float | None
    seconds: float | None
    build_seconds: float | None
    message: str | None
    at: datetime


@dataclass(frozen=True)
class Audit:
    """An audit that a model declares. `severity` is error, which rolls the build back, or warn.

    `history` are its last results, newest first.
    """

    model: str
    name: str
    says: str
    severity: str
    history: tuple[Audited, ...] = ()

    @property
    def last(self) -> Audited | None:
        """The last result; None before the first build."""
        return self.history[0] if self.history else None


def share_of_builds(audits: Iterable[Audit]) -> float | None:
    """The share that the last audits took of the time of their builds; None before the first build."""
    builds, seconds = {}, 0.0
    for audit in audits:
        if audit.last and audit.last.build_seconds and audit.last.seconds is not None:
            builds[audit.model, audit.last.run_id] = audit.last.build_seconds
            seconds += audit.last.seconds
    return seconds / sum(builds.values()) if builds else None


def declared_audits(models: Path = _MODELS) -> list[Audit]:
    """The audits of all models, in the order of the models' names."""
    found = [
        Audit(model["name"], audit["name"], audit["says"], audit["severity"])
        for file in models.rglob("*.yml")
        for model in read_yaml(file).get("models", [])
        for audit in model.get("config", {}).get("meta", {}).get("audits", [])
    ]
    return sorted(found, key=lambda audit: audit.model)


def read_audits(conn: connection, *, model: str | None = None, results: int = 1) -> list[Audit]:
    """The audits of all models, or of one, each with its last results, as many as asked for."""
    history: dict[tuple[str, str], list[Audited]] = {}
    for of_model, name, *values in _SQL.rows(conn, "last_results", {"model": model, "results": results}):
        history.setdefault((of_model, name), []).append(Audited(*values))
    return [
        Audit(one.model, one.name, one.says, one.severity, tuple(history.get((one.model, one.name), ())))
        for one in declared_audits()
        if model in (None, one.model)
    ]
