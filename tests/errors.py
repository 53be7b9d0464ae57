"""An example of every error of the tree, made as its raise sites make it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from medallion import errors
from medallion.errors import RetailError

_REQUEST = {"subject": "GET /sales (cursor 17)"}
_FILE = {"path": "sales_customer/2026-11-06/3-0.ndjson"}
# Fields of those that compose their message and remedy. A branch takes both as they are.
_FIELDS: dict[str, dict[str, object]] = {
    "SettingMissing": {"variable": "SOURCE_API_KEY", "meaning": "the key"},
    "SettingInvalid": {"variable": "API_PORT", "reason": "no number"},
    "DashboardInvalid": {"file": "sales-overview.yaml", "problems": ["rows.1: no charts", "title: empty"]},
    "FolderClosed": {"what": "account retail cannot enter /root"},
    "PortInUse": {},
    "SourceUnavailable": {"message": "status 503", "remedy": "wait", "retry_after": 3.0},
    "AnswerNotWhole": {**_REQUEST, "reason": "the gzip stream has no end"},
    "KeyRefused": {**_REQUEST, "status": 401},
    "RequestRefused": {**_REQUEST, "status": 400},
    "ResourceNotOffered": {**_REQUEST, "status": 404},
    "TotalsWrong": {"what": "3 records in 2 ids"},
    "NotebookFailed": {"name": "a_tour", "cell": 3, "section": "Who?", "reason": "KeyError: 'x'", "others": ["b"]},
    "SecondOpinionFailed": {"detector": "ECOD", "reason": "no answer within 120 s"},
    "GoldTestsFailed": {"tests": "unique_dim_customer", "reason": "got 1 result"},
    "FileDamaged": {**_FILE, "what": "has another sha256"},
    "FilesDamaged": {"damages": ("a is missing", "b is missing"), "files": 3},
    "BronzeWriteFailed": {**_FILE, "reason": "No space left on device"},
    "BronzeNotRemoved": {**_FILE, "reason": "Permission denied"},
    "GoldAuditFailed": {"audits": "sales_item.lines_are_those_of_silver", "reason": "1 of 3 rows, such as 7-1"},
    "DeliveriesIncomplete": {"files": ["top_up: no file for 2026-11-01", "op_stats: no file for 2026-11-02"]},
    "AnomaliesFound": {"explanations": ["Orders of store 3: 40 % below", "Orders of store 4: 50 % below"]},
    "WorkbookRefused": {"file": "a.xlsx", "finding": "it has a password", "remedy": "save it without one"},
    "GoldBuildFailed": {"models": "dim_customer", "reason": "out of memory"},
    "RunFailed": {"message": "bronze_sales failed", "remedy": "set SOURCE_API_KEY", "exit_code": 4},
}


def tree(root: type[RetailError] = RetailError) -> Iterator[type[RetailError]]:
    """Every class of the tree, in the order of its file."""
    yield root
    for one in root.__subclasses__():
        if one.__module__ == errors.__name__:
            yield from tree(one)


def example(kind: type[RetailError]) -> RetailError:
    """An error of that class. KeyError for one with fields of its own that no line above names."""
    takes_both = {"message", "remedy"} <= inspect.signature(kind).parameters.keys()
    generic = {"message": "it broke — \u2028 twice", "remedy": f"mend {kind.__name__}"} if takes_both else None
    return kind(**(_FIELDS.get(kind.__name__) or generic or _FIELDS[kind.__name__]))  # type: ignore[arg-type]
