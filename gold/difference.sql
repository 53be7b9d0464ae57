-- The statements of gold/difference.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: columns
-- Columns of a table and their types, in its order.
select
    attname::text,
    format_type(atttypid, atttypmod)
from pg_attribute
where attrelid = to_regclass(format('%%I.%%I', %(schema)s::text, %(table)s::text)) and attnum > 0 and not attisdropped
order by attnum;

-- name: primary_key
-- Columns of the primary key of a table.
select attribute.attname::text
from pg_index
cross join lateral unnest(pg_index.indkey) with ordinality as key (attnum, position)
inner join pg_attribute as attribute on attribute.attrelid = pg_index.indrelid and attribute.attnum = key.attnum
where pg_index.indrelid = to_regclass(%(table)s) and pg_index.indisprimary
order by key.position;

-- name: has_moments
-- A row if the table has the column that says when its rows were written.
select true
from pg_attribute
where attrelid = to_regclass(format('%%I.%%I', %(schema)s::text, %(table)s::text)) and attname = '_loaded_at';

-- name: written_at
-- When the newest row of a table was written.
select max(_loaded_at)
from {table};
