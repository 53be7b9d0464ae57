-- The statements of quality/why/rows.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: rows_of
-- Rows of a table with a value in a column, as texts, with the load that wrote each.
select
    (select json_object_agg(key, value) from json_each_text(to_json(one))),
    one._load_id, load.run_id, one._loaded_at
from {table} as one
left join meta.load as load on one._load_id = load.load_id
where {column} = %(id)s;

-- name: silver_rows
-- The same of a table of Silver, with the contract's checksum of each row.
select
    (select json_object_agg(key, value) from json_each_text(to_json(one))),
    one._load_id, load.run_id, one._loaded_at, {checksum}(one)
from {table} as one
left join meta.load as load on one._load_id = load.load_id
where one.{column} = %(id)s;

-- name: readers
-- Tables of Gold that take rows of these tables, and up to which load each has taken them.
select state.model, state.source_table, state.load_id
from meta.gold_state as state
inner join pg_catalog.pg_attribute as attribute on attribute.attrelid = to_regclass(format('gold.%%I', state.model))
where
    state.source_table = any(%(tables)s::text[])
    and attribute.attname = %(column)s
    and not attribute.attisdropped
order by state.model, state.source_table;
