-- The statements of loaders/rebuild.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: loads_of_bronze
select load_id, run_id, layer, dataset, status, started_at, ended_at, error_message
from meta.load
where load_id in (
    select load_id from meta.bronze_file
    where silver_load_id is not null and retired_at is null and expired_at is null
);

-- name: copy_load
insert into meta.load (load_id, run_id, layer, dataset, status, started_at, ended_at, error_message)
overriding system value
values %s;

-- name: continue_load_ids
select setval(
    pg_get_serial_sequence('meta.load', 'load_id'), greatest((select max(load_id) from meta.load), 1)
);

-- name: receipts_in_silver
-- What the live Silver has taken: a file that landed since is no difference.
select path, dataset, load_id, part, records, bytes, sha256, cursor_after, cursor_through
from meta.bronze_file
where silver_load_id is not null and retired_at is null and expired_at is null;

-- name: copy_receipt
insert into meta.bronze_file
(path, dataset, load_id, part, records, bytes, sha256, cursor_after, cursor_through)
values %s;

-- name: columns_of
-- Columns of what a table says. Those with an underscore in front say when and by which load it was written.
select column_name
from information_schema.columns
where table_schema = %(schema)s and table_name = %(table)s and column_name not like '\_%%'
order by column_name;

-- name: forget_loaded
update meta.bronze_file
set silver_load_id = null
where dataset = %(dataset)s and expired_at is null;
