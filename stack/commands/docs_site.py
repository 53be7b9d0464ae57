"""The site of dbt's documentation, made readable: dbt generates it, and this changes the two files that it consists of.

dbt puts every unit test into the picture of the lineage, where sources and models drown, and shows the `meta` of a
model under the bare names of its keys. Neither is a setting of dbt.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

# What the picture shows at first. Tests can be added by its menu "resources", and stand on the pages of their models.
_AT_FIRST = '"model","seed","snapshot","source",'
_WITH_TESTS = _AT_FIRST + '"test","unit_test",'
# Keys of a model's meta, and what its page shows instead.
LABELS = {
    "takes": "reads new rows of",
    "behind": "built after",
    "nightly_because": "built every night and not every hour, as",
}


def tidy(site: Path) -> None:
    """Leave tests out of the lineage at first, and label each model's meta. Doing it again changes nothing."""
    page = site / "index.html"
    page.write_text(page.read_text(encoding="utf-8").replace(_WITH_TESTS, _AT_FIRST), encoding="utf-8")
    manifest = site / "manifest.json"
    content = json.loads(manifest.read_text(encoding="utf-8"))
    for node in content["nodes"].values():
        node["meta"] = {LABELS.get(key, key): _shown(value) for key, value in node.get("meta", {}).items()}
    manifest.write_text(json.dumps(content), encoding="utf-8")


def _shown(value: Any) -> Any:
    return ", ".join(map(str, value)) if isinstance(value, list) else value
