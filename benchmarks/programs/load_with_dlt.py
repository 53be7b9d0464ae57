"""Sales with dlt. Runs in dlt's environment; why it is configured so stands in benchmarks/README.md."""

from __future__ import annotations

import os
from pathlib import Path

import dlt
from dlt.sources.rest_api import rest_api_source

_MONEY = {"data_type": "decimal", "precision": 12, "scale": 2}


def main() -> None:
    """Extract, normalise and load every sale the source has."""
    source = rest_api_source(
        {
            "client": {
                "base_url": os.environ["SOURCE_API_URL"],
                "auth": {
                    "type": "api_key",
                    "name": "X-API-Key",
                    "api_key": os.environ["SOURCE_API_KEY"],
                    "location": "header",
                },
                "paginator": {
                    "type": "cursor",
                    "cursor_path": "next_cursor",
                    "cursor_param": "cursor",
                    "has_more_path": "has_more",
                },
            },
            "resources": [
                {
                    "name": "sales",
                    "primary_key": "sale_id",
                    "write_disposition": "merge",
                    "endpoint": {
                        "path": "sales",
                        "params": {"limit": int(os.environ["PAGE_SIZE"])},
                        "data_selector": "items",
                    },
                }
            ],
        }
    )
    source.resources["sales"].apply_hints(
        columns={"sold_at": {"data_type": "timestamp"}},
        nested_hints={"lines": {"columns": {name: {"name": name, **_MONEY} for name in ("unit_price", "discount")}}},
    )
    pipeline = dlt.pipeline(
        "bench",
        destination=dlt.destinations.postgres(os.environ["DATABASE_URL"]),
        dataset_name="bench",
        pipelines_dir=str(Path(os.environ["DLT_DATA_DIR"]) / "pipelines"),
    )
    pipeline.run(source, loader_file_format="csv").raise_on_failed_jobs()


if __name__ == "__main__":  # its worker processes import this file
    main()
