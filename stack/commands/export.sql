-- The statements of stack/commands/export.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: lift_limits
-- Lift the limits on a reader's statements for this session: an export of a large table takes long.
select set_config(name, '0', false)
from pg_settings
where name in ('statement_timeout', 'transaction_timeout', 'idle_in_transaction_session_timeout');

-- name: columns
-- The columns of a table in their order, with their types, and whether a reader may see them.
select
    attname::text as name,
    format_type(atttypid, atttypmod) as type,
    has_column_privilege(coalesce(to_regrole('retail_reader'), current_user::regrole), attrelid, attnum, 'select')
    as is_visible
from pg_attribute
where attrelid = to_regclass(%(table)s) and attnum > 0 and not attisdropped
order by attnum;

-- name: has_reader
-- Whether the server has the role of the readers.
select to_regrole('retail_reader') is not null as has_reader;
