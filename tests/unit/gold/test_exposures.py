"""An exposure says which models its SQL reads."""

from __future__ import annotations

import re

import pytest

from medallion.settings import PROJECT_ROOT
from medallion.yaml_files import read_yaml

# The files of each exposure.
SQL = {"notebooks": "notebooks/0*.py", "sales_report": "report/*.sql", "sql_for_analysts": "sql/surface_*.sql"}
MODELS = {one.stem for one in (PROJECT_ROOT / "dbt" / "models").rglob("*.sql")}
# What notebooks ask the catalog for first: they work without.
OPTIONAL = {"kpi_anomaly", "mart_revenue_forecast"} - MODELS
EXPOSURES = {one["name"]: one for one in read_yaml(PROJECT_ROOT / "dbt" / "models" / "exposures.yml")["exposures"]}


def test_every_exposure_is_compared_with_its_sql() -> None:
    assert {*EXPOSURES} == {*SQL}


@pytest.mark.parametrize("name", SQL)
def test_an_exposure_depends_on_what_its_sql_reads(name: str) -> None:
    files = sorted(PROJECT_ROOT.glob(SQL[name]))
    read = {one for file in files for one in re.findall(r"\bgold\.([a-z]\w*)", file.read_text(encoding="utf-8"))}
    assert read
    assert EXPOSURES[name]["depends_on"] == [f"ref('{one}')" for one in sorted(read - OPTIONAL)]
