"""SQL files that hold several statements, each under a line `-- name: …` and up to the next one."""

from __future__ import annotations

import re

from loaders.config import PROJECT_ROOT

_STATEMENT = re.compile(r"^-- name: (\w+)\n(.*?)(?=^-- name: |\Z)", re.MULTILINE | re.DOTALL)


def read_statements(name: str) -> dict[str, str]:
    """The statements of `sql/{name}.sql`, by name."""
    return dict(_STATEMENT.findall((PROJECT_ROOT / "sql" / f"{name}.sql").read_text(encoding="utf-8")))
