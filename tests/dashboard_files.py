"""What dashboards are made of, without dbt: the relations of Gold by the contracts next to their models."""

from __future__ import annotations

from pathlib import Path

from dashboards.bundle import Declared
from dashboards.declared import Dashboard, read_dashboards, read_datasets
from dashboards.relations import Relation, RelationColumn
from medallion.settings import PROJECT_ROOT
from medallion.yaml_files import read_yaml

CHART = {"kind": "ranking", "name": "stores", "title": "Stores", "width": 6, "dataset": "dashboard_sales"}
CHART |= {"by": "store_name", "figure": "net_revenue"}
NUMBER = {"kind": "number", "name": "data-as-of", "title": "Data as of", "width": 2, "dataset": "dashboard_sales"}
NUMBER |= {"figure": "orders"}


def relations_of_gold() -> dict[str, Relation]:
    """Every model of Gold that has a contract; descriptions are left empty."""
    files = sorted((PROJECT_ROOT / "dbt" / "models" / "gold").rglob("*.yml"))
    models = [one for file in files for one in read_yaml(file).get("models", [])]
    return {
        one["name"]: Relation(
            one["name"],
            "gold",
            "",
            {column["name"]: RelationColumn(column["name"], column["data_type"], "") for column in one["columns"]},
        )
        for one in models
    }


def declared() -> Declared:
    """All that superset/ declares."""
    return Declared(read_dashboards(), read_datasets(), relations_of_gold())


def dashboard_of(*charts: dict[str, object], height: int = 40, **keys: object) -> Dashboard:
    """A dashboard with one row of these charts."""
    content = {"slug": "test", "title": "Test", "question": "What is it?", "roles": ["viewer"]}
    return Dashboard.model_validate(content | {"rows": [{"height": height, "charts": list(charts)}]} | keys)


def folder_of(place: Path, **files: str) -> Path:
    """A folder like superset/ with these dashboards."""
    (place / "dashboards").mkdir(parents=True)
    for name, text in files.items():
        (place / "dashboards" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return place
