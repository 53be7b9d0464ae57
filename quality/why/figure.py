"""A row of a mart and the sales that it is made of, added up again from the fact."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from psycopg2 import sql

from medallion.errors import RetailError
from medallion.statements import Statements
from medallion.wording import counted
from quality.why.answer import FigureTrace, SaleShare
from quality.why.grain import key_of, read_key
from quality.why.rows import table_row

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from psycopg2.extensions import connection

    from quality.why.answer import TableRow

_SQL = Statements(__file__)
# A column of a mart that the fact does not have, as a condition on the fact. An index has the moment, and the version.
IN_FACT = {
    "sold_hour": sql.SQL("one.sold_at >= {0} and one.sold_at < {0} + interval '1 hour'"),
    "category": sql.SQL(
        "exists (select from gold.dim_product_history as version"
        " where version.product_version_key = one.product_version_key and version.category = {0})"
    ),
}


def trace_figure(conn: connection, mart: str, given: Sequence[str], most: int) -> FigureTrace:
    """The rows of the mart with this key, and at most `most` of their sales, in the caller's transaction.

    Raises ConfigurationError for a key that does not fit the mart, RetailError before the first build of Gold.
    """
    key = read_key(mart, given)
    if not _SQL.one(conn, "is_built", {"table": f"gold.{mart}"})[0]:
        raise RetailError(f"gold.{mart} was not built yet", remedy="./retail run", why="the first run builds it")
    rows, sales = _rows(conn, mart, key), _sales(conn, key)
    return FigureTrace(
        mart=mart,
        key={name: str(value) for name, value in key.items()},
        rows=tuple(rows),
        sale_count=len({one.sale_id for one in sales}),
        line_count=sum(one.line_count for one in sales),
        sales=tuple(sales[:most]),
        notes=(*_comparison(rows, sales), *_pending(conn, mart)),
    )


def _rows(conn: connection, mart: str, key: Mapping[str, Any]) -> list[TableRow]:
    names = {
        "mart": sql.Identifier("gold", mart),
        "condition": _all_of(_equal(name) for name in key),
        "order": sql.SQL(", ").join(sql.Identifier("one", one.name) for one in key_of(mart)),
    }
    return [table_row(f"gold.{mart}", *row) for row in _SQL.rows(conn, "rows_of_mart", key, names)]


def _sales(conn: connection, key: Mapping[str, Any]) -> list[SaleShare]:
    conditions = (IN_FACT[name].format(sql.Placeholder(name)) if name in IN_FACT else _equal(name) for name in key)
    found = _SQL.rows(conn, "sales_of", key, {"condition": _all_of(conditions)})
    return [SaleShare(*row) for row in found]


def _equal(name: str) -> sql.Composed:
    return sql.SQL("one.{} = {}").format(sql.Identifier(name), sql.Placeholder(name))


def _all_of(conditions: Iterator[sql.Composable]) -> sql.Composed:
    return sql.SQL(" and ").join(conditions)


def _comparison(rows: Sequence[TableRow], sales: Sequence[SaleShare]) -> Iterator[str]:
    """Whether the rows equal the sums of the sales: one sentence for each currency."""
    lines, amounts = Counter[str](), dict[str, Decimal]()
    for one in sales:
        lines[one.currency] += one.line_count
        amounts[one.currency] = amounts.get(one.currency, Decimal(0)) + one.net_amount
    for currency in sorted({*lines, *(str(row.values["currency"]) for row in rows)}):
        of_currency = [row.values for row in rows if row.values["currency"] == currency]
        held = sum(int(row["line_count"] or 0) for row in of_currency)
        amount = sum((Decimal(row["net_amount"] or 0) for row in of_currency), Decimal(0))
        summed = f"{counted(lines[currency], 'line')} of {amounts.get(currency, Decimal(0)):,.2f} {currency}"
        if (held, amount) == (lines[currency], amounts.get(currency, Decimal(0))):
            yield f"it equals its sales: {summed}"
        else:
            yield f"it has {counted(held, 'line')} of {amount:,.2f} {currency}, and its sales have {summed}"


def _pending(conn: connection, mart: str) -> Iterator[str]:
    for taken, last in _SQL.rows(conn, "pending", {"mart": mart}):
        yield f"the mart has taken gold.sales_item up to load {taken}, not yet {last}: ./retail run has it do so"
