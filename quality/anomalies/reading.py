"""The panels, read from the marts: sums by hour or day, for as far back as the baseline looks.

A panel is read as CSV by `copy`, into whole columns: its rows are many, and none is looked at by itself.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from psycopg2 import sql

from medallion.metrics import formula
from medallion.statements import Statements
from quality.anomalies.kpis import parts_of
from quality.anomalies.panel import STEP, Panel, Slice

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from psycopg2.extensions import connection

    from quality.anomalies.kpis import Kpi
    from quality.anomalies.panel import Floats, Grain

    Cell = tuple[str, ...]

_SQL = Statements(__file__)
# The slices that a cell is part of.
_OF_STORES: tuple[Callable[[Cell], Slice], ...] = (
    lambda cell: Slice(cell[0], "total"),
    lambda cell: Slice(cell[0], "channel", cell[2]),
    lambda cell: Slice(cell[0], "store", cell[1]),
)


def read_panel(conn: connection, grain: Grain, kpis: Sequence[Kpi], until: datetime, points: int) -> Panel:
    """The last `points` hours or days before `until` by store and channel, with their totals. All sums are floats."""
    return _panel(conn, "cells_of_stores", grain, kpis, until, points, _OF_STORES, "orders")


def read_categories(conn: connection, kpis: Sequence[Kpi], until: datetime, points: int) -> Panel:
    """The last `points` days before `until` by category, store and channel, with their slices and totals.

    A point counts lines: a sale may be of several categories.
    """
    slices = [*_OF_STORES, lambda cell: Slice(cell[0], "category", cell[3])]
    return _panel(conn, "cells_of_categories", "day", kpis, until, points, slices, "lines")


def _panel(
    conn: connection,
    statement: str,
    grain: Grain,
    kpis: Sequence[Kpi],
    until: datetime,
    points: int,
    slices: Sequence[Callable[[Cell], Slice]],
    counts: str,
) -> Panel:
    begins = until - STEP[grain] * points
    names = parts_of(kpis, counts)
    frame = _read(conn, statement, grain, names, begins, until)
    keys = [name for name in frame.columns if name not in ("point", *names)]
    cells = sorted(frame.select(keys).unique().rows())
    places = {cell: number for number, cell in enumerate(cells)}
    rows = np.array([places[cell] for cell in frame.select(keys).rows()], dtype=np.int64)
    at = frame["point"].to_numpy()
    parts = {name: np.zeros((len(cells), points)) for name in names}
    for name, values in parts.items():
        values[rows, at] = frame[name].to_numpy()
    known = sorted({of(cell) for of in slices for cell in cells})
    return Panel(grain, begins, tuple(known), _members(known, cells, slices), parts, counts)


def _members(known: Sequence[Slice], cells: Sequence[Cell], slices: Sequence[Callable[[Cell], Slice]]) -> Floats:
    members = np.zeros((len(known), len(cells)))
    rows = {one: row for row, one in enumerate(known)}
    for column, cell in enumerate(cells):
        for of in slices:
            members[rows[of(cell)], column] = 1.0
    return members


def _read(
    conn: connection, statement: str, grain: Grain, names: Sequence[str], begins: datetime, until: datetime
) -> pl.DataFrame:
    parts = sql.SQL(", ").join(
        sql.SQL("sum({})::float8 as {}").format(sql.SQL(_formula(name)), sql.Identifier(name)) for name in names
    )
    query = sql.SQL(_SQL[statement]).format(
        begins=sql.Literal(begins),
        until=sql.Literal(until),
        step=sql.Literal(STEP[grain] // timedelta(seconds=1)),
        parts=parts,
    )
    found = BytesIO()
    with conn.cursor() as cursor:
        cursor.copy_expert(
            sql.SQL("copy ({}) to stdout with (format csv, header)").format(query).as_string(conn), found
        )
    types = dict.fromkeys(("currency", "store_id", "channel", "category"), pl.String)
    schema = {"point": pl.Int64, **types, **dict.fromkeys(names, pl.Float64)}
    return pl.read_csv(found.getvalue(), schema_overrides=schema).fill_null("")


def _formula(name: str) -> str:
    return "line_count" if name == "lines" else formula(name)
