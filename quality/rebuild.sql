-- The statements of quality/rebuild.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: loads_of_bronze
-- Loads that have landed what Silver holds.
select
    load_id, run_id, layer, dataset, status, started_at, ended_at, error_message, error_type, remedy, exit_code
from meta.load
where load_id in (
    select load_id from meta.bronze_file
    where silver_load_id is not null and retired_at is null and expired_at is null
);

-- name: copy_load
-- Copy loads under their own ids.
insert into meta.load (
    load_id, run_id, layer, dataset, status, started_at, ended_at, error_message, error_type, remedy, exit_code
)
overriding system value
values %s;

-- name: continue_load_ids
-- Have new loads numbered after the copied ones.
select setval(
    pg_get_serial_sequence('meta.load', 'load_id'), greatest((select max(load_id) from meta.load), 1)
);

-- name: receipts_in_silver
-- What the live Silver has taken of what is declared: a file that landed since is no difference.
select path, dataset, load_id, part, records, bytes, sha256, cursor_after, cursor_through, landed_at
from meta.bronze_file
where dataset = any(%(datasets)s) and silver_load_id is not null and retired_at is null and expired_at is null;

-- name: copy_receipt
-- Copy receipts, as of files that Silver has not taken.
insert into meta.bronze_file
(path, dataset, load_id, part, records, bytes, sha256, cursor_after, cursor_through, landed_at)
values %s;

-- name: accepted_records
-- Records that a retry has let in: part of what the live Silver is made of.
select
    rejected.dataset, rejected.path, rejected.line_no, rejected.reason, rejected.field, rejected.raw, rejected.status,
    rejected.first_seen_at, rejected.record_key, rejected.sale_id, rejected.accepted_at
from meta.rejected_record as rejected
inner join meta.bronze_file as file on rejected.path = file.path
where
    rejected.accepted_at is not null
    and file.dataset = any(%(datasets)s)
    and file.silver_load_id is not null and file.retired_at is null and file.expired_at is null;

-- name: copy_accepted
-- Copy records that a retry has let in.
insert into meta.rejected_record
(dataset, path, line_no, reason, field, raw, status, first_seen_at, record_key, sale_id, accepted_at)
values %s;

-- name: columns_of
-- Columns of what a table says. Those with an underscore in front say when and by which load it was written.
select column_name
from information_schema.columns
where table_schema = %(schema)s and table_name = %(table)s and column_name not like '\_%%'
order by column_name;

-- name: forget_loaded
-- Have every file loaded again.
update meta.bronze_file
set silver_load_id = null
where dataset = %(dataset)s and expired_at is null;

-- name: repairs_in_silver
-- Those whose files the live Silver has taken.
select
    repair.sale_id,
    repair.load_id,
    repair.run_id
from meta.sale_repair as repair
where exists (
    select from meta.bronze_file as landed
    where
        landed.load_id = repair.load_id
        and landed.silver_load_id is not null and landed.retired_at is null and landed.expired_at is null
);

-- name: copy_repair
-- Copy repairs.
insert into meta.sale_repair (sale_id, load_id, run_id)
values %s;
