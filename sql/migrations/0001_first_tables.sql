-- Schemas and tables of the warehouse: meta (what happened) and silver (what is true).
-- Gold belongs to dbt.
--
-- A warehouse from before there were numbers is taken over by this file and those up to 0007. It may have any part of
-- what they make, so each of their statements may meet its own work.

create schema if not exists meta;
create schema if not exists silver;
create schema if not exists gold;

-- ---------------------------------------------------------------- meta

create table if not exists meta.load (
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

alter table meta.load add column if not exists error_type text;
alter table meta.load add column if not exists exit_code integer;

create index if not exists load_last_change on meta.load (layer, dataset, load_id)
where status = 'SUCCESS' and rows_inserted + rows_updated > 0;
create index if not exists load_running on meta.load (layer, dataset) where status = 'RUNNING';
create index if not exists load_started_at on meta.load (started_at);

create table if not exists meta.ingestion_state (
    entity text primary key,
    cursor_name text not null,
    cursor_value text,
    epoch bigint not null default 0,
    load_id bigint references meta.load,
    updated_at timestamptz not null default clock_timestamp()
);

-- An older version had the entities in a check.
alter table meta.ingestion_state drop constraint if exists ingestion_state_entity_check;

insert into meta.ingestion_state (entity, cursor_name)
values ('customers', 'updated_at'), ('products', 'updated_at'), ('sales', 'last_sales_id')
on conflict (entity) do nothing;

create table if not exists meta.dataset (
    dataset text primary key,
    entity text not null references meta.ingestion_state
);

insert into meta.dataset (dataset, entity)
values
('customers', 'customers'), ('products', 'products'), ('sales_customer', 'sales'), ('sales_product', 'sales')
on conflict (dataset) do nothing;

create table if not exists meta.bronze_file (
    path text primary key,
    dataset text not null,
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
    expired_at timestamptz,
    removed_at timestamptz,
    unique (dataset, load_id, part)
);

alter table meta.bronze_file add column if not exists expired_at timestamptz;
alter table meta.bronze_file add column if not exists removed_at timestamptz;

alter table meta.bronze_file drop constraint if exists bronze_file_dataset_check;

do $$
begin
    if not exists (
        select from pg_constraint
        where conrelid = 'meta.bronze_file'::regclass and conname = 'bronze_file_dataset_known'
    ) then
        alter table meta.bronze_file
        add constraint bronze_file_dataset_known foreign key (dataset) references meta.dataset;
    end if;
end
$$;

create index if not exists bronze_file_unloaded on meta.bronze_file (dataset, load_id, part)
where silver_load_id is null and retired_at is null;

create table if not exists meta.rejected_record (
    rejected_record_id bigint generated always as identity primary key,
    dataset text not null,
    path text not null references meta.bronze_file,
    line_no bigint not null check (line_no > 0),
    reason text not null,
    field text,
    raw bytea not null,
    status text not null default 'OPEN' check (status in ('OPEN', 'RESOLVED', 'DISCARDED')),
    first_seen_at timestamptz not null default clock_timestamp(),
    resolved_load_id bigint references meta.load,
    unique (path, line_no)
);

create table if not exists meta.sales_gap (
    from_id bigint primary key,
    to_id bigint not null,
    first_seen_at timestamptz not null default clock_timestamp(),
    last_checked_at timestamptz,
    status text not null default 'OPEN' constraint sales_gap_status_check
    check (status in ('OPEN', 'FILLED', 'EXPIRED', 'WITHDRAWN')),
    constraint sales_gap_is_a_range check (from_id <= to_id),
    constraint sales_gap_ranges_are_disjoint exclude using gist (int8range(from_id, to_id, '[]') with &&)
);

create index if not exists sales_gap_open on meta.sales_gap (from_id) where status = 'OPEN';

create table if not exists meta.reconciliation (
    reconciliation_id bigint generated always as identity primary key,
    run_id text not null,
    dataset text not null check (dataset in ('sales_customer', 'sales_product')),
    after_id bigint not null,
    up_to_id bigint not null,
    source_count bigint not null,
    bronze_count bigint not null,
    silver_count bigint not null,
    rejected_count bigint not null,
    gold_count bigint,
    source_net_amount numeric(18, 2),
    silver_net_amount numeric(18, 2),
    gold_net_amount numeric(18, 2),
    status text not null check (status in ('BALANCED', 'LATE', 'DIFFERENT', 'ACCEPTED')),
    difference text,
    checked_at timestamptz not null default clock_timestamp(),
    constraint reconciliation_names_the_difference check ((status = 'BALANCED') = (difference is null))
);

create index if not exists reconciliation_settled on meta.reconciliation (dataset, up_to_id)
where status in ('BALANCED', 'ACCEPTED');

create table if not exists meta.gold_rebuild (
    is_wanted boolean primary key default true check (is_wanted),
    requested_at timestamptz not null default clock_timestamp()
);

create table if not exists meta.gold_state (
    model text not null,
    source_table text not null,
    load_id bigint not null default 0,
    through_load_id bigint,
    updated_at timestamptz not null default clock_timestamp(),
    primary key (model, source_table)
);

-- ---------------------------------------------------------------- silver

create table if not exists silver.customers (
    customer_id bigint primary key,
    first_name text not null,
    last_name text not null,
    email text not null,
    phone text not null,
    city text not null,
    region text not null,
    country text not null,
    segment text not null,
    signed_up_at timestamptz not null,
    updated_at timestamptz not null,
    is_deleted boolean not null,
    _load_id bigint not null,
    _loaded_at timestamptz not null default now()
);

create table if not exists silver.products (
    product_id bigint primary key,
    sku text not null,
    name text not null,
    category text not null,
    subcategory text not null,
    brand text not null,
    unit_price numeric(12, 2) not null,
    unit_cost numeric(12, 2) not null,
    currency text not null,
    is_active boolean not null,
    updated_at timestamptz not null,
    _load_id bigint not null,
    _loaded_at timestamptz not null default now()
);

create table if not exists silver.sales_customer (
    sale_id bigint primary key,
    customer_id bigint not null,
    store_id integer not null,
    sold_at timestamptz not null,
    channel text not null,
    payment_method text not null,
    currency text not null,
    _load_id bigint not null,
    _loaded_at timestamptz not null default now()
);

create table if not exists silver.sales_product (
    sale_id bigint not null,
    line_no integer not null,
    product_id bigint not null,
    quantity integer not null,
    unit_price numeric(12, 2) not null,
    discount numeric(12, 2) not null,
    _load_id bigint not null,
    _loaded_at timestamptz not null default now(),
    primary key (sale_id, line_no)
);

-- New rows arrive at the end of the table, so a block range index finds "newer than load n" at almost no
-- cost to the load, where a b-tree would cost about as much as the primary key.
create index if not exists customers_load_id on silver.customers using brin (_load_id)
with (pages_per_range = 32, autosummarize = on);
create index if not exists products_load_id on silver.products using brin (_load_id)
with (pages_per_range = 32, autosummarize = on);
create index if not exists sales_customer_load_id on silver.sales_customer using brin (_load_id)
with (pages_per_range = 32, autosummarize = on);
create index if not exists sales_product_load_id on silver.sales_product using brin (_load_id)
with (pages_per_range = 32, autosummarize = on);
