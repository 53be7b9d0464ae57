"""The SQL of figures is what their definitions say."""

from __future__ import annotations

import pytest

from gold.figures import FILES
from medallion.settings import PROJECT_ROOT


@pytest.mark.parametrize("path", FILES)
def test_what_dbt_has_of_the_figures_is_what_their_definitions_say(path: str) -> None:
    found = (PROJECT_ROOT / path).read_text(encoding="utf-8")
    assert found == FILES[path](), f"{path} is out of date: python -m gold.figures writes it"
