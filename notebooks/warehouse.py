"""SQL over Gold for the notebooks: a DataFrame per query, read as `retail_reader`, who can change nothing.

The address is that of READER_DATABASE_URL, which `./retail notebook` sets. No other login is ever looked for, as a
notebook runs whatever stands in its cells. Amounts come as exact decimals, each row with its currency.
"""

from __future__ import annotations

import os
import re
import textwrap
from functools import lru_cache
from typing import Any

import pandas as pd
import psycopg
from figures import PROJECT, with_figures
from IPython.display import HTML, Markdown, display
from psycopg import errors

_NIGHTLY = PROJECT / "dbt" / "models" / "gold" / "nightly"
_NO_ROWS = "No row answers this question yet. If the warehouse is empty, `./retail run` fills it."
_NO_ADDRESS = (
    "READER_DATABASE_URL is not set: open the notebooks with ./retail notebook, "
    "or set it to the address of the warehouse with the login of retail_reader"
)


@lru_cache(maxsize=1)
def _connection() -> psycopg.Connection[Any]:
    """The one connection. Each statement is its own transaction, so that an open page blocks no build of Gold."""
    address = os.environ.get("READER_DATABASE_URL")
    if not address:
        raise RuntimeError(_NO_ADDRESS)
    options = "-c default_transaction_read_only=on -c timezone=UTC"
    return psycopg.connect(address, autocommit=True, options=options, application_name="retail notebook")


def read(statement: str, **parameters: Any) -> pd.DataFrame:
    """The rows of a query. `{net_revenue}` stands for the metric of that name, `{measures}` for the sums of a mart.

    A table that is not there gives no rows: `is_there` then shows which command builds it.
    """
    if _connection().closed:
        _connection.cache_clear()
    try:
        with _connection().cursor() as cursor:
            cursor.execute(with_figures(statement), parameters or None)  # type: ignore[arg-type]
            names = [one.name for one in cursor.description or ()]
            found = pd.DataFrame(cursor.fetchall(), columns=names)
    except errors.UndefinedTable as error:
        found = pd.DataFrame()
        found.attrs["why"] = _missing(str(error))
    return found


def is_there(*results: pd.DataFrame) -> bool:
    """Whether each result has rows. If one has none, a sentence says what to do."""
    empty = next((one for one in results if one.empty), None)
    if empty is not None:
        say(f"*{empty.attrs.get('why', _NO_ROWS)}*")
    return empty is None


def columns_of(table: str) -> set[str]:
    """The columns of a table that this version may not have; none if it is not there."""
    schema, name = table.split(".")
    found = read(
        """
        select column_name from information_schema.columns
        where table_schema = %(schema)s and table_name = %(name)s and to_regclass(%(table)s) is not null
        """,
        schema=schema,
        name=name,
        table=table,
    )
    return set(found["column_name"])


def written(statement: str, **parameters: Any) -> str:
    """A query as it is sent, with its figures and values, to be run elsewhere."""
    text = psycopg.ClientCursor(_connection()).mogrify(with_figures(statement), parameters)  # type: ignore[arg-type]
    return textwrap.dedent(text).strip()


def say(text: str) -> None:
    """Show a sentence, as Markdown."""
    display(Markdown(text))


def show(rows: pd.DataFrame, **formats: Any) -> None:
    """Show rows as a table. `formats`: how to write the values of a column. Underscores of its name become spaces."""
    named = {name: name.replace("_", " ") for name in rows.columns}
    formatters = {named[name]: how for name, how in formats.items()}
    text = rows.rename(columns=named).to_html(index=False, border=0, na_rep="–", formatters=formatters, classes="rows")
    display(HTML(text))


def _missing(error: str) -> str:
    """Which table is not there, and the command that builds it."""
    table = (re.findall(r'"([\w.]+)"', error) or ["a table"])[0]
    is_nightly = (_NIGHTLY / f"{table.partition('.')[2]}.sql").is_file()
    command = "./retail nightly" if is_nightly else "./retail run"
    return f"`{table}` is not there yet. `{command}` builds it."
