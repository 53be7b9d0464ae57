"""dbt knows our dashboards as they are declared."""

from __future__ import annotations

from dashboards.declared import read_dashboards
from dashboards.exposures import FILE, text


def test_the_exposures_are_those_of_the_dashboards() -> None:
    assert FILE.read_text(encoding="utf-8") == text(read_dashboards()), "run: .venv/bin/python -m dashboards.exposures"
