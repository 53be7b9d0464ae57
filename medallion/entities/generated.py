"""Files generated from the declarations: the tables of Silver, their grants, dbt's sources and docs, and the contracts.

A table whose rows change has a second one next to it, `<table>_version`, which keeps every version of a row.

They are checked in, so that a review of a declaration shows its effect. `python -m medallion.entities` writes them, and
a test compares them.
"""

from __future__ import annotations

from functools import partial
from textwrap import fill
from typing import TYPE_CHECKING

from medallion.entities.contracts import HOURLY, as_yaml, contract_file, contract_of, freshness, released_file
from medallion.entities.entity import ByDelivery, ById
from medallion.entities.registry import EVERY, TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from medallion.entities.contracts import Freshness
    from medallion.entities.entity import Column, Entity, Table

_NOTE = "Written by `python -m medallion.entities` from medallion/entities: change it there."
_WIDTH = 120
# Columns that every table of Silver has after the columns of its records.
_AUDIT = (
    ("_load_id", "bigint not null", "Silver load that wrote this version of the row."),
    ("_loaded_at", "timestamptz not null default now()", "When that load ran (UTC)."),
)
VERSIONS = "Every version in Bronze. One row per key, version and content."
# A column of a table of versions, after those of the records: two contents of one version are two rows.
_ROW_CHECKSUM = ("row_checksum", "bigint not null", "The contract's checksum of the record.")
_VERSION_AUDIT = (
    ("_load_id", "bigint not null", "Load of this table that first brought this version."),
    ("_loaded_at", "timestamptz not null default now()", "When that load ran (UTC)."),
)
# How a checksum writes a value, by the type in Postgres; others as they are.
_CHECKSUM_TEXT = {
    "timestamptz": "meta.moment_text({})",
    "numeric(12, 2)": "{}::numeric(38, 2)",
    "boolean": "{}::text",
}


def entities() -> str:
    """`sql/entities.sql`: the rows of `meta` for entities and datasets. Rows that are no longer declared stay."""
    orders = [f"({_quoted(one.name)}, {_quoted(one.ordered_by)})" for one in EVERY.values()]
    cursors = [f"({_quoted(one.name)}, {_quoted(one.cursor_name)})" for one in EVERY.values()]
    datasets = [_dataset(one, table) for one in EVERY.values() for table in one.tables]
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
    """`sql/silver_tables.sql`: each table, comments on it and its columns, the checksum of its rows, its versions.

    An existing table stays as it is: changing it takes a migration.
    """
    return f"-- Tables of Silver and checksums of their rows.\n-- {_NOTE}\n" + "".join(
        _table(one) + _comments(one) + _checksum(one) + _versions(one) for one in TABLES.values()
    )


def silver_grants() -> str:
    """`sql/silver_grants.sql`: the grants on these tables.

    Rows of sales may be deleted, as a repair replaces them, and rows of a file, as a file for the same period does.
    Versions are only ever appended.
    """
    tables = _listed(f"silver.{name}" for name in TABLES)
    versions = [f"silver.{one.versions}" for one in TABLES.values() if one.versions]
    read = _listed(name for one in TABLES.values() for name in _with_versions(one))
    appended = _listed(f"meta.{name}_checksum" for name, one in TABLES.items() if one.versions)
    replaced = [one for one in EVERY.values() if isinstance(one.order, ById | ByDelivery)]
    repaired = [f"silver.{name}" for one in replaced for name in one.datasets]
    checksums = _listed(f"meta.{name}_checksum" for name in TABLES)
    return f"""-- Rights on the tables of Silver.
-- {_NOTE}

do $$
begin
    if to_regrole('retail_ingestion') is not null then
        grant select, insert, update, maintain on{tables}
        to retail_ingestion; -- maintain: analyze
{_deletions(repaired)}{_appends(versions, appended)}    end if;
    if to_regrole('retail_transformation') is not null then
        grant select on{read}
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
    description: Typed copy of what the sources have, loaded from Bronze files. Newest version of each natural key.
    schema: silver
    config:
      loaded_at_field: _loaded_at
{_freshness(HOURLY, indent=6)}    tables:
""" + "".join(_source(one, table) for one in EVERY.values() for table in one.tables)


def dbt_docs() -> str:
    """`columns.md`: a block of dbt's docs for each column of a record, for the descriptions of Gold's columns."""
    blocks = (
        f"\n{{% docs {name}__{column.name} %}}\n{column.description}\n{{% enddocs %}}\n"
        for name, table in TABLES.items()
        for column in table.columns
    )
    return f"<!-- {_NOTE} -->\n" + "".join(blocks)


def contract(entity: Entity) -> str:
    """`contracts/<entity>.odcs.yaml`: what the source has to send."""
    return as_yaml(contract_of(entity))


def silver_columns(table: Table) -> list[tuple[str, str, str]]:
    """Name, type and description of each column of a table."""
    return [*_declared(table), *_AUDIT]


def version_columns(table: Table) -> list[tuple[str, str, str]]:
    """Name, type and description of each column of a table of versions."""
    return [*_declared(table), _ROW_CHECKSUM, *_VERSION_AUDIT]


def version_key(table: Table) -> tuple[str, ...]:
    """The primary key of a table of versions."""
    return (*table.key, str(table.version), _ROW_CHECKSUM[0])


def _declared(table: Table) -> list[tuple[str, str, str]]:
    return [(one.name, f"{_sql(one, table)} not null", one.description) for one in table.columns]


def _sql(column: Column, table: Table) -> str:
    """The type of a column. A key that is text is ordered by its bytes, as a load orders it."""
    return (
        f'{column.type.sql} collate "C"' if column.type.sql == "text" and column.name in table.key else column.type.sql
    )


FILES: dict[str, Callable[[], str]] = {
    "sql/entities.sql": entities,
    "sql/silver_tables.sql": silver_tables,
    "sql/silver_grants.sql": silver_grants,
    "dbt/models/silver/_silver__sources.yml": dbt_sources,
    "dbt/models/silver/columns.md": dbt_docs,
    **{contract_file(one): partial(contract, one) for one in EVERY.values()},
}
# Written once and kept: a version that is released does not change any more.
RELEASES: dict[str, Callable[[], str]] = {
    released_file(one.name, one.contract): partial(contract, one) for one in EVERY.values()
}


def _deletions(tables: list[str]) -> str:
    return f"        grant delete on{_listed(tables)}\n        to retail_ingestion;\n" if tables else ""


def _appends(tables: list[str], checksums: str) -> str:
    if not tables:
        return ""
    return (
        f"        grant select, insert, maintain on{_listed(tables)}\n        to retail_ingestion;\n"
        f"        grant execute on function{checksums}\n        to retail_ingestion;\n"
    )


def _with_versions(table: Table) -> list[str]:
    """The table, and the one of its versions if it has one."""
    return [f"silver.{name}" for name in (table.name, table.versions) if name]


def _dataset(entity: Entity, table: Table) -> str:
    personal = f"{{{', '.join(table.personal_columns)}}}"
    return f"({_quoted(table.name)}, {_quoted(entity.name)}, {_quoted(personal)})"


def _rows(values: list[str]) -> str:
    return ",\n".join(values)


def _table(table: Table) -> str:
    columns = [f"{name} {kind}" for name, kind, _ in silver_columns(table)]
    lines = [*columns, f"primary key ({', '.join(table.key)})"]
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
    return _commented(table.name, table.description, silver_columns(table))


def _commented(name: str, description: str, columns: list[tuple[str, str, str]]) -> str:
    lines = [f"comment on table silver.{name} is {_quoted(description)};"]
    lines += [f"comment on column silver.{name}.{column} is {_quoted(text)};" for column, _, text in columns]
    return "\n" + "\n".join(lines) + "\n"


def _versions(table: Table) -> str:
    """The table of versions. A new one next to a table that holds rows begins with the versions that are there.

    Whatever Silver has taken from Bronze before is read for older versions (`loaders/history.py`).
    """
    if table.versions is None:
        return ""
    columns = [f"{name} {kind}" for name, kind, _ in version_columns(table)]
    lines = [*columns, f"primary key ({', '.join(version_key(table))})"]
    body = ",\n            ".join(lines)
    names = [one.name for one in table.columns]
    return f"""
do $$
declare
    load bigint;
    held bigint;
begin
    if to_regclass('silver.{table.versions}') is null then
        create table silver.{table.versions} (
            {body}
        );
        create index {table.versions}_load_id on silver.{table.versions} using brin (_load_id)
        with (pages_per_range = 32, autosummarize = on);
        lock table silver.{table.name} in share row exclusive mode;
        update meta.bronze_file set has_versions = false where dataset = {_quoted(table.name)} and has_versions;
        select count(*) into held from silver.{table.name};
        if held > 0 then
            insert into meta.load (run_id, layer, dataset, status, ended_at, rows_read, rows_inserted)
            values ('schema', 'silver', '{table.versions}', 'SUCCESS', clock_timestamp(), held, held)
            returning load_id into load;
            insert into silver.{table.versions} (
{_wrapped([*names, "row_checksum", "_load_id"], indent=16)}
            )
            select
{_wrapped([*(f"record.{name}" for name in names), f"meta.{table.name}_checksum(record)", "load"], indent=16)}
            from silver.{table.name} as record;
        end if;
    end if;
end
$$;
{_commented(table.versions, VERSIONS, version_columns(table))}"""  # noqa: S608 - as above


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
    own = freshness(entity)
    config = "" if own == HOURLY else "        config:\n" + _freshness(own, indent=10)
    described = _source_table(table.name, table.description, config, silver_columns(table))
    if table.versions is None:
        return described
    return described + _source_table(table.versions, VERSIONS, config, version_columns(table))


def _freshness(found: Freshness, indent: int) -> str:
    lines = (
        "freshness:",
        f"  warn_after: {{count: {found.warn}, period: {found.unit}}}",
        f"  error_after: {{count: {found.fail}, period: {found.unit}}}",
    )
    return "".join(f"{' ' * indent}{line}\n" for line in lines)


def _source_table(name: str, description: str, config: str, columns: list[tuple[str, str, str]]) -> str:
    return f"""\
      - name: {name}
        description: {_quoted(description)}
{config}        columns:
""" + "".join(f"          - name: {column}\n            description: {_quoted(text)}\n" for column, _, text in columns)


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
