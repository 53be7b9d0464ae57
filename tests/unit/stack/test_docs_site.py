"""The site of dbt's documentation: the lineage begins without tests, and a model's page explains its meta."""

from __future__ import annotations

import json
import re
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from medallion.settings import PROJECT_ROOT
from stack.commands.docs_site import LABELS, tidy

TESTS = {"test", "unit_test"}
MODELS = {
    "model.retail.sales_item": {"meta": {"takes": ["silver.a", "silver.b"], "behind": ["dim_c"], "owner": 7}},
    "test.retail.some": {},
}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A page as the installed dbt generates it."""
    dbt = find_spec("dbt.task.docs")
    assert dbt
    assert dbt.submodule_search_locations
    shutil.copy(Path(dbt.submodule_search_locations[0]) / "index.html", tmp_path)
    (tmp_path / "manifest.json").write_text(json.dumps({"nodes": MODELS}))
    return tmp_path


def shown_and_offered(site: Path) -> tuple[set[str], set[str]]:
    """Kinds of node in the lineage at first, and in the menu by which they are chosen."""
    page = (site / "index.html").read_text()
    shown, offered = re.findall(r'resource_types:\[("model",[^\]]*)\]', page)
    return set(shown.replace('"', "").split(",")), set(offered.replace('"', "").split(","))


def test_the_lineage_begins_without_tests_and_its_menu_still_offers_them(site: Path) -> None:
    before, offered = shown_and_offered(site)
    assert before > TESTS  # else there is nothing to leave out any more
    tidy(site)
    assert shown_and_offered(site) == (before - TESTS, offered)
    assert offered > TESTS


def test_a_models_page_says_what_its_meta_means(site: Path) -> None:
    tidy(site)
    once = (site / "manifest.json").read_text()
    meta: dict[str, Any] = json.loads(once)["nodes"]["model.retail.sales_item"]["meta"]
    assert meta == {"reads new rows of": "silver.a, silver.b", "built after": "dim_c", "owner": 7}
    tidy(site)
    assert (site / "manifest.json").read_text() == once


def test_the_overview_explains_each_label() -> None:
    overview = (PROJECT_ROOT / "dbt" / "models" / "gold" / "overview.md").read_text()
    assert all(f"*{label}* (`{key}`" in overview for key, label in LABELS.items())
