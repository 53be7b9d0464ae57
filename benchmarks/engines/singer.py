"""A Singer pair: `tap-rest-api-msdk` into `target-postgres`, two processes with a pipe between them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import make_url

from benchmarks.commands import timed
from benchmarks.engine import Engine, Timing, totals_of
from benchmarks.environments import python_of

if TYPE_CHECKING:
    from pathlib import Path

    from psycopg2.extensions import connection

    from benchmarks.world import Stage, World
    from medallion.state.reconciliation import Totals

_TEXT: dict[str, Any] = {"type": "string"}
_NUMBER: dict[str, Any] = {"type": "integer"}
_SCHEMA = {
    "type": "object",
    "properties": {
        "sale_id": _NUMBER,
        "customer_id": _NUMBER,
        "store_id": _NUMBER,
        "sold_at": {"type": "string", "format": "date-time"},
        "channel": _TEXT,
        "payment_method": _TEXT,
        "currency": _TEXT,
        "lines": _TEXT,
    },
}
_LINES = """
    select
        count(*),
        coalesce(sum(
            (line ->> 'quantity')::int * (line ->> 'unit_price')::numeric - (line ->> 'discount')::numeric
        ), 0)
    from bench.sales, jsonb_array_elements(lines::jsonb) as line
"""


class Singer(Engine):
    """API → `bench.sales`, one row a sale: the tap leaves the lines nested, as text."""

    name = "singer"
    title = "Singer: tap-rest-api-msdk → target-postgres, lines left nested"
    _programs: tuple[str, str] = ("", "")
    _beyond_defaults: dict[str, Any] = {"use_copy": True, "batch_size_rows": 100_000}  # noqa: RUF012 - never changed

    def prepare(self, folder: Path, shared: Stage, loaded: World) -> None:
        """Two environments: the tap needs an older setuptools and another SDK than the target."""
        tap, target = python_of(folder, "singer-tap"), python_of(folder, "singer-target")
        self._programs = (str(tap.with_name("tap-rest-api-msdk")), str(target.with_name("target-postgres")))

    def run(self, world: World) -> Timing:
        """Both commands, from the start of the tap to the end of the target."""
        tap, target = self._programs
        files = {"tap.json": self._tap(world), "target.json": self._target(world), "schema.json": _SCHEMA}
        for name, content in files.items():
            (world.folder / name).write_text(json.dumps(content), encoding="utf-8")
        commands = [[tap, "--config", "tap.json"], [target, "--config", "target.json"]]
        return timed(commands, {}, world.folder)

    def loaded(self, conn: connection) -> Totals:
        """What its table holds, the lines unpacked."""
        return totals_of(conn, "select count(*) from bench.sales", _LINES)

    def _tap(self, world: World) -> dict[str, Any]:
        return {
            "api_url": world.source_url,
            "headers": {"X-API-Key": world.source_key},
            "pagination_request_style": "jsonpath_paginator",
            "pagination_response_style": "page",
            "pagination_next_page_param": "cursor",
            "next_page_token_path": "$.next_cursor",
            "streams": [
                {
                    "name": "sales",
                    "path": "/sales",
                    "params": {"limit": world.page_size},
                    "records_path": "$.items[*]",
                    "primary_keys": ["sale_id"],
                    "schema": "schema.json",
                }
            ],
        }

    def _target(self, world: World) -> dict[str, Any]:
        url = make_url(world.database_url)
        address = {"host": url.host, "port": url.port, "user": url.username, "password": str(url.password)}
        return {**address, "database": url.database, "default_target_schema": "bench", **self._beyond_defaults}


class LeanSinger(Singer):
    """The same without validation of records and without metadata columns: what is left when both are given up."""

    name = "singer-lean"
    title = "Singer, neither validating records nor adding metadata"
    _beyond_defaults = {  # noqa: RUF012 - never changed
        **Singer._beyond_defaults,  # noqa: SLF001 - its own base
        "validate_records": False,
        "add_record_metadata": False,
        "activate_version": False,
    }
