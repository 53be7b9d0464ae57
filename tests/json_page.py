"""docs/commands-json.md, from the dataclasses that the commands print: `python -m tests.json_page` writes it."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Union

from gold.audits import Audit
from gold.dbt_runner import BuildResult
from gold.difference import Difference
from loaders.rejects import Reject, RetryResult
from medallion.bronze.retention import RetentionResult
from medallion.bronze.verify import VerifyResult
from medallion.contracts import ContractDiff
from medallion.settings import PROJECT_ROOT
from medallion.state.backfill_ranges import Progress
from medallion.state.deliveries import Delivery
from quality.anomalies.opinion import Opinion
from quality.anomalies.store import Listing, Recorded
from quality.rebuild import RebuildResult
from quality.why.answer import Why
from stack.commands.backfill import Backfilled
from stack.commands.backup import BackedUp
from stack.commands.by_hand import SchemaState
from stack.commands.contract import Contract, Linted
from stack.commands.environments import Environment, Removed
from stack.commands.export import Exported
from stack.commands.finding import Finding
from stack.commands.layer_report import Report
from stack.commands.plan import Plan
from stack.commands.run import RunOutcome
from stack.commands.status import Status
from stack.commands.up import Stopped
from stack.services.airflow.metadata import DagRun, TaskState

PAGE = PROJECT_ROOT / "docs" / "commands-json.md"
COMMANDS: dict[str, type] = {
    "run": RunOutcome,
    "status": Status,
    "plan": Plan,
    "why": Why,
    "doctor": Finding,
    "backfill": Backfilled,
    "verify": VerifyResult,
    "rebuild": RebuildResult,
    "schema": SchemaState,
    "nightly": BuildResult,
    "retention": RetentionResult,
    "backup": BackedUp,
    "export": Exported,
    "down": Stopped,
    "contract list": Contract,
    "deliveries": Delivery,
    "contract diff": ContractDiff,
    "contract lint": Linted,
    "anomalies": Listing,
    "anomalies show": Recorded,
    "anomalies opinion": Opinion,
    "env": Environment,
    "env remove": Removed,
    "audits": Audit,
    "diff": Difference,
    "rejects list": Reject,
    "rejects show": Reject,
    "rejects retry": RetryResult,
}
LISTS = {"audits", "contract diff", "contract list", "doctor", "env", "rejects list"}
_NAMES: dict[type, str] = {
    int: "number",
    float: "number",
    str: "string",
    bytes: "string",
    bool: "true or false",
    datetime: "time",
    Decimal: "string",
}
_IMPORTED_FOR_TYPES = {one.__name__: one for one in (DagRun, Progress, Report, TaskState, datetime)}
_HEAD = """# JSON of the commands

`--json` prints the result to stdout, and nothing else; messages and errors go to stderr. The checks (`doctor`,
`verify`, `schema --check`), `contract diff`, `why` and `rejects retry` print it even when their exit code is not 0. Any
other command that fails prints no JSON: its [exit code](operations.md#when-a-run-is-red) says what kind of error it
was. Times are in RFC 3339, sizes in bytes. Later versions may add fields; a field listed here keeps its name and its
meaning.

This page is generated from the types that the commands print: `.venv/bin/python -m tests.json_page`.
"""


def page() -> str:
    """The text of the page."""
    parts = [_HEAD]
    known: set[type] = set()
    for command, kind in COMMANDS.items():
        what = "a list of these objects" if command in LISTS else "one object"
        parts.append(f"## `./retail {command} --json`\n\nPrints {what}.\n")
        parts += [_section(one) for one in _with_parts(kind) if one not in known] or [
            f"As [{kind.__name__}](#{kind.__name__.lower()}).\n"
        ]
        known |= {*_with_parts(kind)}
    return "\n".join(parts)


def hints(kind: type) -> dict[str, Any]:
    """The types of the fields of a dataclass."""
    return typing.get_type_hints(kind, localns=_IMPORTED_FOR_TYPES)


def _with_parts(kind: type) -> Iterator[type]:
    """A dataclass and those that its fields hold, each once."""
    seen = dict.fromkeys([kind])
    for field in fields(kind):
        for part in _leaves(hints(kind)[field.name]):
            if is_dataclass(part):
                seen |= dict.fromkeys(_with_parts(part))
    yield from seen


def _leaves(hint: Any) -> Iterator[Any]:
    arguments = typing.get_args(hint)
    if not arguments:
        yield hint
    for one in arguments:
        yield from _leaves(one)


def _section(kind: type) -> str:
    rows = (f"| `{field.name}` | {_words(hints(kind)[field.name])} |" for field in fields(kind))
    text = re.sub(r"\bNone\b", "null", inspect.cleandoc(kind.__doc__ or ""))
    return f"### {kind.__name__}\n\n{text}\n\n| field | type |\n|---|---|\n" + "\n".join(rows) + "\n"


def _words(hint: Any) -> str:
    """A type in words, as JSON has it."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(_words(one) for one in arguments if one is not type(None)) + " or null"
    if origin is tuple:
        return f"list of {_words(arguments[0])}"
    if origin is dict:
        return f"object with values: {_words(arguments[1])}"
    return _NAMES.get(hint) or f"[{hint.__name__}](#{hint.__name__.lower()})"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
