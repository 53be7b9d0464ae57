-- The statements of quality/rebuild.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: loads_of_bronze
-- Loads that have landed what Silver holds.
select
    load_id, run_id, layer, dataset, status, started_at, ended_at, error_message, error_type, remedy, exit_code
from meta.load
where load_id in (
    select load_id from meta.bronze_file
    where silver_load_id is not null and retired_at is null and expired_at is null
    union
    select load_id from meta.delivery
    where status in ('LOADED', 'SUPERSEDED')
);

-- name: copy_load
-- Copy loads under their own ids.
insert into meta.load (
    load_id, run_id, layer, dataset, status, started_at, ended_at, error_message, error_type, remedy, exit_code
)
overriding system value
values %s;

-- name: continue_load_ids
-- Make the ids of new loads follow the copied ones.
select setval(
    pg_get_serial_sequence('meta.load', 'load_id'), greatest((select max(load_id) from meta.load), 1)
);

-- name: receipts_in_silver
-- Receipts of the files that the live Silver has taken, of declared datasets. A file that landed since is not a
-- difference.
select path, dataset, load_id, part, records, bytes, sha256, cursor_after, cursor_through, landed_at
from meta.bronze_file
where dataset = any(%(datasets)s) and silver_load_id is not null and retired_at is null and expired_at is null;

-- name: copy_receipt
-- Copy receipts, marked as not taken into Silver.
insert into meta.bronze_file
(path, dataset, load_id, part, records, bytes, sha256, cursor_after, cursor_through, landed_at)
values %s;

-- name: accepted_records
-- Records that a retry has accepted: the live Silver contains them.
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
-- Copy records that a retry has accepted.
insert into meta.rejected_record
(dataset, path, line_no, reason, field, raw, status, first_seen_at, record_key, sale_id, accepted_at)
values %s;

-- name: columns_of
-- Columns of a table with content. Those with a leading underscore say when and by which load a row was written.
select column_name
from information_schema.columns
where table_schema = %(schema)s and table_name = %(table)s and column_name not like '\_%%'
order by column_name;

-- name: forget_loaded
-- Mark every file of a dataset to be loaded again.
update meta.bronze_file
set silver_load_id = null, has_versions = false
where dataset = %(dataset)s and expired_at is null;

-- name: repairs_in_silver
-- Repairs whose files the live Silver has taken.
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

-- name: deliveries_in_silver
-- Deliveries that the live Silver has taken, as they were when they landed.
select
    delivery.delivery_id, delivery.entity, delivery.name, delivery.period, delivery.sha256, delivery.bytes,
    'LANDED' as status, delivery.path, delivery.row_count, delivery.cell_count, delivery.other_cell_count,
    delivery.notes, delivery.load_id, delivery.seen_at
from meta.delivery
left join meta.bronze_file as file on delivery.path = file.path
where
    delivery.status in ('LOADED', 'SUPERSEDED')
    and (file.path is null or (file.retired_at is null and file.expired_at is null));

-- name: copy_delivery
-- Copy deliveries under their own ids, as rows bear them.
insert into meta.delivery (
    delivery_id, entity, name, period, sha256, bytes, status, path, row_count, cell_count, other_cell_count, notes,
    load_id, seen_at
)
overriding system value
values %s;

-- name: holidays
-- The public holidays that the nightly tables were built with.
select country, date_day, name
from meta.holiday;

-- name: copy_holiday
-- Copy holidays.
insert into meta.holiday (country, date_day, name)
values %s;
