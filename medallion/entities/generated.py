"""Files generated from the declarations: the tables of Silver, their grants, and their description as dbt sources.

They are checked in, so that a review of a declaration shows its effect. `python -m medallion.entities` writes them, and
a test compares them.
"""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING

from medallion.entities.entity import ById
from medallion.entities.registry import ENTITIES, LISTINGS, TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from medallion.entities.entity import Column, Entity, Table

_NOTE = "Written by `python -m medallion.entities` from medallion/entities: change it there."
_WIDTH = 120
# Columns that every table of Silver has after the columns of its records.
_AUDIT = (
    ("_load_id", "bigint not null", "Silver load that wrote this version of the row."),
    ("_loaded_at", "timestamptz not null default now()", "When that load ran (UTC)."),
)
# How a checksum writes a value, by the type in Postgres; others as they are.
_CHECKSUM_TEXT = {
    "timestamptz": "meta.moment_text({})",
    "numeric(12, 2)": "{}::numeric(38, 2)",
    "boolean": "{}::text",
}
# A listing changes when it changes, not every hour.
_RARELY = """\
        config:
          freshness:
            warn_after: {count: 7, period: day}
            error_after: {count: 30, period: day}
"""


def entities() -> str:
    """`sql/entities.sql`: the rows of `meta` for entities and datasets. Rows that are no longer declared stay."""
    orders = [f"({_quoted(one.name)}, {_quoted(one.ordered_by)})" for one in ENTITIES.values()]
    cursors = [f"({_quoted(one.name)}, {_quoted(one.cursor_name)})" for one in ENTITIES.values()]
    datasets = [_dataset(one, table) for one in ENTITIES.values() for table in one.tables]
    return f"""-- Entities and datasets as they are declared; those that are not any more stay.
-- {_NOTE}

insert into meta.entity (entity, ordered_by)
values
{_rows(orders)}
on conflict (entity) do update set ordered_by = excluded.ordered_by;

insert into meta.ingestion_state (entity, cursor_name)
values
{_rows(cursors)}
on conflict (entity) do nothing;

-- What was personal once stays so: Silver and Gold may hold it still. Only a migration can take a name out again.
insert into meta.dataset (dataset, entity, personal_columns)
values
{_rows(datasets)}
on conflict (dataset) do update set
    entity = excluded.entity,
    personal_columns = array(
        select distinct unnest(dataset.personal_columns || excluded.personal_columns) as one order by one -- noqa: RF01
    );
"""  # noqa: S608 - a file to review, of names that are declared


def silver_tables() -> str:
    """`sql/silver_tables.sql`: each table, comments on it and its columns, and the checksum of its rows.

    An existing table stays as it is: changing it takes a migration.
    """
    return f"-- Tables of Silver and checksums of their rows.\n-- {_NOTE}\n" + "".join(
        _table(one) + _comments(one) + _checksum(one) for one in TABLES.values()
    )


def silver_grants() -> str:
    """`sql/silver_grants.sql`: the grants on these tables. Rows of sales may be deleted, as a repair replaces them."""
    tables = _listed(f"silver.{name}" for name in TABLES)
    repaired = [f"silver.{name}" for one in ENTITIES.values() if isinstance(one.order, ById) for name in one.datasets]
    checksums = _listed(f"meta.{name}_checksum" for name in TABLES)
    return f"""-- Rights on the tables of Silver.
-- {_NOTE}

do $$
begin
    if to_regrole('retail_ingestion') is not null then
        grant select, insert, update, maintain on{tables}
        to retail_ingestion; -- maintain: analyze
{_deletions(repaired)}    end if;
    if to_regrole('retail_transformation') is not null then
        grant select on{tables}
        to retail_transformation;
        grant execute on function{checksums}
        to retail_transformation;
    end if;
end
$$;
"""


def dbt_sources() -> str:
    """`_silver__sources.yml`: the tables of Silver as sources of dbt."""
    return f"""# {_NOTE}
sources:
  - name: silver
    description: Typed copy of the source API, loaded from Bronze files. Newest version of each natural key.
    schema: silver
    config:
      loaded_at_field: _loaded_at
      freshness:
        warn_after: {{count: 3, period: hour}}
        error_after: {{count: 12, period: hour}}
    tables:
""" + "".join(_source(one, table) for one in ENTITIES.values() for table in one.tables)


FILES = {
    "sql/entities.sql": entities,
    "sql/silver_tables.sql": silver_tables,
    "sql/silver_grants.sql": silver_grants,
    "dbt/models/silver/_silver__sources.yml": dbt_sources,
}


def _deletions(tables: list[str]) -> str:
    return f"        grant delete on{_listed(tables)}\n        to retail_ingestion;\n" if tables else ""


def _dataset(entity: Entity, table: Table) -> str:
    personal = f"{{{', '.join(table.personal_columns)}}}"
    return f"({_quoted(table.name)}, {_quoted(entity.name)}, {_quoted(personal)})"


def _rows(values: list[str]) -> str:
    return ",\n".join(values)


def _table(table: Table) -> str:
    columns = [f"{one.name} {one.type.sql} not null" for one in table.columns]
    lines = [*columns, *(f"{name} {kind}" for name, kind, _ in _AUDIT), f"primary key ({', '.join(table.key)})"]
    body = ",\n            ".join(lines)
    by_version = ""
    if table.version is not None:
        by_version = f"        create index {table.name}_{table.version} on silver.{table.name} ({table.version});\n"
    return f"""
do $$
begin
    if to_regclass('silver.{table.name}') is null then
        create table silver.{table.name} (
            {body}
        );
        -- New rows arrive at the end, so a block range index finds "newer than load n" at almost no cost to the load.
        create index {table.name}_load_id on silver.{table.name} using brin (_load_id)
        with (pages_per_range = 32, autosummarize = on);
{by_version}    end if;
end
$$;
"""


def _comments(table: Table) -> str:
    columns = [(one.name, one.description) for one in table.columns] + [(name, text) for name, _, text in _AUDIT]
    lines = [f"comment on table silver.{table.name} is {_quoted(table.description)};"]
    lines += [f"comment on column silver.{table.name}.{name} is {_quoted(text)};" for name, text in columns]
    return "\n" + "\n".join(lines) + "\n"


def _checksum(table: Table) -> str:
    fields = ["e'\\x1f'", *(_checksum_text(one) for one in table.columns)]
    return f"""
create or replace function meta.{table.name}_checksum(record silver.{table.name})
returns bigint
language sql
stable
parallel safe
as $$
    select meta.text_checksum(concat_ws(
{_wrapped(fields, indent=8)}
    ))
$$;
comment on function meta.{table.name}_checksum is 'The contract''s checksum of a {table.row}.';
"""


def _checksum_text(column: Column) -> str:
    return _CHECKSUM_TEXT.get(column.type.sql, "{}").format(f"record.{column.name}")


def _source(entity: Entity, table: Table) -> str:
    columns = [(one.name, one.description) for one in table.columns] + [(name, text) for name, _, text in _AUDIT]
    return f"""\
      - name: {table.name}
        description: {_quoted(table.description)}
{_RARELY if entity.name in LISTINGS else ""}        columns:
""" + "".join(f"          - name: {name}\n            description: {_quoted(text)}\n" for name, text in columns)


def _quoted(text: str) -> str:
    """A text as both SQL and YAML write it."""
    return "'" + text.replace("'", "''") + "'"


def _listed(names: Iterable[str]) -> str:
    return "\n" + _wrapped(list(names), indent=12)


def _wrapped(words: list[str], indent: int) -> str:
    """The words, separated by commas and wrapped into lines; no word is broken."""
    margin = " " * indent
    text = ", ".join(word.replace(" ", "\0") for word in words)
    lines = fill(text, _WIDTH, initial_indent=margin, subsequent_indent=margin, break_long_words=False)
    return lines.replace("\0", " ")
