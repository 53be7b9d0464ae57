"""What dbt knows of our dashboards: an exposure each, so that its lineage ends at what people look at.

`python -m dashboards.exposures` writes dbt/models/dashboards.yml, and a test holds it to the declarations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from dashboards.declared import read_dashboards
from medallion.settings import PROJECT_ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dashboards.declared import Dashboard

FILE = PROJECT_ROOT / "dbt" / "models" / "dashboards.yml"
_HEAD = "# The dashboards of superset/dashboards. Generated: python -m dashboards.exposures.\n"


def text(dashboards: Iterable[Dashboard]) -> str:
    """The text of dbt/models/dashboards.yml."""
    exposures = [
        {
            "name": f"dashboard_{one.slug.replace('-', '_')}",
            "label": one.title,
            "type": "dashboard",
            "maturity": "high",
            "description": f"{one.question} `./retail superset up` shows it at /superset/dashboard/{one.slug}/.",
            "owner": {"name": "Owner of the sales figures"},
            "depends_on": [f"ref('{name}')" for name in one.datasets],
        }
        for one in dashboards
    ]
    return _HEAD + yaml.safe_dump({"exposures": exposures}, sort_keys=False, width=118, allow_unicode=True)


if __name__ == "__main__":
    FILE.write_text(text(read_dashboards()), encoding="utf-8")
