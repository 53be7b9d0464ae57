"""The files of the product, for tests that read its text."""

from __future__ import annotations

from pathlib import Path

from medallion.settings import PROJECT_ROOT

PRODUCT = (
    "airflow",
    "backend",
    "benchmarks",
    "docker",
    "gold",
    "ingestion",
    "loaders",
    "medallion",
    "portal",
    "quality",
    "report",
    "stack",
)


def product_files(*folders: str, suffix: str = ".py") -> list[Path]:
    """Files of these folders of the checkout, by default all of the product. A folder without any fails the test."""
    found: list[Path] = []
    for folder in folders or PRODUCT:
        files = sorted((PROJECT_ROOT / folder).rglob(f"*{suffix}"))
        assert files, f"{folder} holds no {suffix}: this test would check nothing"
        found += files
    return found
