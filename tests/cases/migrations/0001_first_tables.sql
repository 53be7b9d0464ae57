-- name: before
-- A warehouse of an early version: entities and datasets in checks, no error types, a receipt.
create schema if not exists meta;
create table meta.load (
    load_id bigint generated always as identity primary key,
    run_id text not null,
    layer text not null check (layer in ('bronze', 'silver', 'gold')),
    dataset text not null,
    status text not null default 'RUNNING' check (status in ('RUNNING', 'SUCCESS', 'FAILED')),
    started_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz,
    rows_read bigint not null default 0,
    rows_inserted bigint not null default 0,
    rows_updated bigint not null default 0,
    rows_unchanged bigint not null default 0,
    rows_superseded bigint not null default 0,
    rows_rejected bigint not null default 0,
    bytes bigint not null default 0,
    error_message text,
    constraint load_ended check ((status = 'RUNNING') = (ended_at is null)),
    constraint load_failed_says_why check (status <> 'FAILED' or error_message is not null),
    constraint load_accounts_for_every_record check (
        layer <> 'silver'
        or status <> 'SUCCESS'
        or rows_read = rows_inserted + rows_updated + rows_unchanged + rows_superseded + rows_rejected
    )
);
create table meta.ingestion_state (
    entity text primary key check (entity in ('customers', 'products', 'sales')),
    cursor_name text not null,
    cursor_value text,
    epoch bigint not null default 0,
    load_id bigint references meta.load,
    updated_at timestamptz not null default clock_timestamp()
);
create table meta.bronze_file (
    path text primary key,
    dataset text not null check (dataset in ('customers', 'products', 'sales_customer', 'sales_product')),
    load_id bigint not null references meta.load,
    part integer not null check (part >= 0),
    records bigint not null check (records > 0),
    bytes bigint not null check (bytes > 0),
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    cursor_after text,
    cursor_through text not null,
    landed_at timestamptz not null default clock_timestamp(),
    silver_load_id bigint references meta.load,
    retired_at timestamptz,
    unique (dataset, load_id, part)
);
insert into meta.load (run_id, layer, dataset, status, ended_at, error_message)
values ('old', 'bronze', 'sales', 'FAILED', now(), 'down');
insert into meta.ingestion_state (entity, cursor_name, cursor_value, epoch) values ('sales', 'last_sales_id', '17', 4);
insert into meta.bronze_file (path, dataset, load_id, part, records, bytes, sha256, cursor_through)
values ('sales_product/1', 'sales_product', 1, 0, 5, 50, repeat('0', 64), '17');

-- name: the_watermark_stays
select count(*) = 3 and max(cursor_value) = '17' and max(epoch) = 4 from meta.ingestion_state;

-- name: the_receipt_stays
select count(*) = 1 and max(records) = 5 and max(cursor_through) = '17' and bool_and(expired_at is null)
from meta.bronze_file;

-- name: the_log_stays
select count(*) = 1 and max(error_message) = 'down' and bool_and(error_type is null) from meta.load;

-- name: entities_are_rows_and_not_checks
select not exists (select from pg_constraint where conname in ('ingestion_state_entity_check', 'bronze_file_dataset_check'));
