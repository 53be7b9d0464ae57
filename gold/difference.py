"""A table that a developer has built, compared with the one of the same name in Gold, by key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - the documentation of --json reads the types at run time
from typing import TYPE_CHECKING, Any

from psycopg2 import sql

from medallion.errors import ConfigurationError
from medallion.process.steps import CORE, MARTS, MEMBERSHIP, NIGHTLY_MARTS
from medallion.statements import Statements

if TYPE_CHECKING:
    from psycopg2.extensions import connection

_SQL = Statements(__file__)
_NUMBERS = ("smallint", "integer", "bigint", "numeric", "double precision")  # numeric(12,2) too
_OF_THE_BUILD = ("_load_id", "_loaded_at")  # no two builds have these in common
_EXAMPLES = 5
_MODELS = (*CORE, *MARTS, *NIGHTLY_MARTS, *MEMBERSHIP)


@dataclass(frozen=True)
class ColumnDifference:
    """A column of both tables. `changed`: rows of both in which it differs. Sums are of columns of numbers."""

    column: str
    changed: int
    live_sum: str | None
    built_sum: str | None


@dataclass(frozen=True)
class ChangedType:
    """A column of both tables that has another type. Its values are not compared."""

    column: str
    live: str
    built: str


@dataclass(frozen=True)
class Difference:
    """A developer's table and the live one. `only_live` and `only_built` are numbers of keys that the other lacks.

    `live_at` and `built_at` are when the newest row of each was written: an older build is one that failed since.
    `lost` and `added` are columns. `examples` are keys of rows that differ: `=` changed, `-` only live, `+` only built.
    """

    model: str
    schema: str
    key: tuple[str, ...]
    live_rows: int
    built_rows: int
    only_live: int
    only_built: int
    changed: int
    live_at: datetime | None
    built_at: datetime | None
    lost: tuple[str, ...]
    added: tuple[str, ...]
    types: tuple[ChangedType, ...]
    columns: tuple[ColumnDifference, ...]
    examples: tuple[str, ...]

    @property
    def is_same(self) -> bool:
        """Whether both have the same columns, of the same types, and the same rows."""
        rows, columns = (self.only_live, self.only_built, self.changed), (self.lost, self.added, self.types)
        return not (any(rows) or any(columns))


def difference(conn: connection, model: str, schema: str) -> Difference:
    """Compare `schema.model` with `gold.model`. The transaction is the caller's.

    Raises ConfigurationError when one of them does not exist, or when the live one has no key.
    """
    model = model.removeprefix("gold.")
    if f"gold.{model}" not in _MODELS and not _columns(conn, "gold", model):
        models = ", ".join(name.removeprefix("gold.") for name in _MODELS)
        raise ConfigurationError(f"there is no model {model} of Gold", remedy=f"name one of: {models}")
    live, built = _columns(conn, "gold", model), _columns(conn, schema, model)
    if not live or not built:
        missing = "gold" if not live else schema
        do = "build it: ./retail run" if not live else f"build it: ./retail dbt --target dev build --select {model}"
        raise ConfigurationError(f"there is no table {missing}.{model}", remedy=do)
    key = tuple(name for (name,) in _SQL.rows(conn, "primary_key", {"table": f"gold.{model}"}))
    if not key or any(built.get(name) != live[name] for name in key):
        raise ConfigurationError(
            f"{model} has no key by which both tables could be compared",
            remedy="declare a primary key in its contract",
        )
    shared = [name for name in live if live[name] == built.get(name)]
    rows = _compare(conn, model, schema, key, [name for name in shared if name not in key])
    numbers = [name for name in shared if live[name].partition("(")[0] in _NUMBERS]
    sums = [_sums(conn, place, model, numbers) for place in ("gold", schema)]
    return Difference(
        model=model,
        schema=schema,
        key=key,
        live_rows=rows["live_rows"],
        built_rows=rows["built_rows"],
        only_live=rows["only_live"],
        only_built=rows["only_built"],
        changed=rows["changed"],
        live_at=_written_at(conn, "gold", model),
        built_at=_written_at(conn, schema, model),
        lost=tuple(name for name in live if name not in built),
        added=tuple(name for name in built if name not in live),
        types=tuple(
            ChangedType(name, live[name], built[name]) for name in live if built.get(name, live[name]) != live[name]
        ),
        columns=tuple(
            ColumnDifference(name, rows.get(f"of_{name}", 0), *(found.get(name) for found in sums)) for name in shared
        ),
        examples=tuple(rows["examples"] or ()),
    )


def _columns(conn: connection, schema: str, table: str) -> dict[str, str]:
    """Columns and their types, but for those that no two builds have in common."""
    found = _SQL.rows(conn, "columns", {"schema": schema, "table": table})
    return {name: kind for name, kind in found if name not in _OF_THE_BUILD}


def _written_at(conn: connection, schema: str, model: str) -> datetime | None:
    """When the newest row of a table was written; None for one without rows, or without that column."""
    if not _SQL.rows(conn, "has_moments", {"schema": schema, "table": model}):
        return None
    found: datetime | None = _SQL.one(conn, "written_at", names={"table": sql.Identifier(schema, model)})[0]
    return found


def _compare(conn: connection, model: str, schema: str, key: tuple[str, ...], others: list[str]) -> dict[str, Any]:
    """Counts of rows and of changed values, by one full join over the key."""
    both = sql.SQL("live.{key} is not null and built.{key} is not null").format(key=sql.Identifier(key[0]))

    def differs(name: str) -> sql.Composed:
        return sql.SQL("(live.{0} is distinct from built.{0})").format(sql.Identifier(name))

    changed = sql.SQL(" or ").join(map(differs, others)) if others else sql.SQL("false")
    words = sql.SQL(" || ' ' || ").join(
        sql.SQL("coalesce(live.{0}, built.{0})::text").format(sql.Identifier(name)) for name in key
    )
    statement = sql.SQL(
        "select count(live.{first}) as live_rows, count(built.{first}) as built_rows, "
        "count(*) filter (where built.{first} is null) as only_live, "
        "count(*) filter (where live.{first} is null) as only_built, "
        "count(*) filter (where {both} and ({changed})) as changed{more}, "
        "(array_agg(case when built.{first} is null then '- ' when live.{first} is null then '+ ' else '= ' end "
        "|| {words} order by {words}) filter (where not ({both}) or ({changed})))[1:{examples}] as examples "
        "from {live} as live full join {built} as built on {keys}"
    ).format(
        first=sql.Identifier(key[0]),
        both=both,
        changed=changed,
        words=words,
        examples=sql.Literal(_EXAMPLES),
        more=sql.SQL("").join(
            sql.SQL(", count(*) filter (where {both} and {differs}) as {name}").format(
                both=both, differs=differs(name), name=sql.Identifier(f"of_{name}")
            )
            for name in others
        ),
        live=sql.Identifier("gold", model),
        built=sql.Identifier(schema, model),
        keys=sql.SQL(" and ").join(sql.SQL("live.{0} = built.{0}").format(sql.Identifier(name)) for name in key),
    )
    return _row(conn, statement)


def _sums(conn: connection, schema: str, model: str, names: list[str]) -> dict[str, str | None]:
    """The sums of columns of numbers, as exact texts."""
    if not names:
        return {}
    sums = sql.SQL(", ").join(sql.SQL("sum({0})::text as {0}").format(sql.Identifier(name)) for name in names)
    return _row(conn, sql.SQL("select {} from {}").format(sums, sql.Identifier(schema, model)))


def _row(conn: connection, statement: sql.Composed) -> dict[str, Any]:
    """The one row of a statement, by the names of its columns."""
    with conn.cursor() as cursor:
        cursor.execute(statement)
        names = [one.name for one in cursor.description or ()]
        return dict(zip(names, cursor.fetchone() or (), strict=True))
