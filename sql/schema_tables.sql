-- Schemas and tables of the warehouse: meta (what happened) and silver (what is true).
-- Idempotent: every statement may run again on a live database. Gold belongs to dbt.

create schema if not exists meta;
create schema if not exists silver;
create schema if not exists gold;

comment on schema meta is 'Watermarks, file receipts, the load log and quarantine.';
comment on schema silver is 'Typed copy of the source: one row per natural key, newest version.';
comment on schema gold is 'Dimensions, facts and marts, built and tested by dbt.';

-- ---------------------------------------------------------------- meta

create table if not exists meta.applied_schema (
    is_only boolean primary key default true check (is_only),
    digest text not null,
    applied_at timestamptz not null default clock_timestamp()
);

comment on table meta.applied_schema is 'One row: which version of sql/ was applied last, for which roles.';

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

comment on table meta.load is 'ETL log. One row per step of a run; taken after the lock of its dataset, '
'so within one table load ids commit in order.';

create index if not exists load_last_change on meta.load (layer, dataset, load_id)
where status = 'SUCCESS' and rows_inserted + rows_updated > 0;
create index if not exists load_running on meta.load (layer, dataset) where status = 'RUNNING';
create index if not exists load_started_at on meta.load (started_at);

create table if not exists meta.ingestion_state (
    entity text primary key check (entity in ('customers', 'products', 'sales')),
    cursor_name text not null,
    cursor_value text,
    epoch bigint not null default 0,
    load_id bigint references meta.load,
    updated_at timestamptz not null default clock_timestamp()
);

comment on table meta.ingestion_state is 'Watermark. One row per source entity; moves only in the '
'transaction that writes the last of the receipts it covers.';
comment on column meta.ingestion_state.cursor_value is 'Cursor behind the last record that is in a receipted '
'Bronze file; null: nothing pulled yet.';
comment on column meta.ingestion_state.epoch is 'Fencing token: raised by each run that takes the entity. '
'A run whose epoch is no longer current cannot move the watermark.';

insert into meta.ingestion_state (entity, cursor_name)
values ('customers', 'updated_at'), ('products', 'updated_at'), ('sales', 'last_sales_id')
on conflict (entity) do nothing;

create table if not exists meta.bronze_file (
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
    expired_at timestamptz,
    removed_at timestamptz,
    unique (dataset, load_id, part)
);

comment on table meta.bronze_file is 'Receipt. One row per Bronze file: it exists when this does.';
comment on column meta.bronze_file.path is 'Relative to BRONZE_URL.';
comment on column meta.bronze_file.cursor_after is 'Position before this part, of a pull or of a range of a '
'backfill; null: a pull from the beginning.';
comment on column meta.bronze_file.silver_load_id is 'Load that took the file into Silver; null: none yet.';

comment on column meta.bronze_file.retired_at is 'Since when nobody reads the file: it is damaged, and a later '
'pull from the source''s beginning has brought its records again.';

alter table meta.bronze_file add column if not exists expired_at timestamptz;
alter table meta.bronze_file add column if not exists removed_at timestamptz;
comment on column meta.bronze_file.expired_at is 'Since when nobody reads the file: it was older than '
'BRONZE_RETENTION_DAYS, and its records are in Silver.';
comment on column meta.bronze_file.removed_at is 'When the expired file was removed.';

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

comment on table meta.rejected_record is 'Quarantine. One row per record that Silver refused; path and '
'line_no point at it in Bronze.';
comment on column meta.rejected_record.raw is 'The line as it stands in Bronze, byte for byte: it may be '
'no valid text at all.';

create table if not exists meta.sales_gap (
    from_id bigint primary key,
    to_id bigint not null,
    first_seen_at timestamptz not null default clock_timestamp(),
    last_checked_at timestamptz,
    status text not null default 'OPEN' check (status in ('OPEN', 'FILLED', 'EXPIRED')),
    constraint sales_gap_is_a_range check (from_id <= to_id),
    constraint sales_gap_ranges_are_disjoint exclude using gist (int8range(from_id, to_id, '[]') with &&)
);

comment on table meta.sales_gap is 'Sale ids that a pull passed over. One row per range, both ends included; '
'OPEN ones are asked for again in every run.';
comment on column meta.sales_gap.status is 'OPEN: may still come. FILLED: came, is in Bronze. EXPIRED: asked '
'for until SALES_GAP_TTL_HOURS were over; counts as never used.';

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

comment on table meta.reconciliation is 'Control totals. One row per check and dataset: sales with ids above '
'after_id, up to and including up_to_id, at the source and in each layer.';
comment on column meta.reconciliation.bronze_count is 'Records of receipted files; a record that was pulled '
'twice counts twice.';
comment on column meta.reconciliation.status is 'LATE: what is missing lies in open gaps (meta.sales_gap) '
'and is asked for in the next run. DIFFERENT: the run failed and named the ids. ACCEPTED: somebody said that this '
'difference stays.';

create index if not exists reconciliation_settled on meta.reconciliation (dataset, up_to_id)
where status in ('BALANCED', 'ACCEPTED');

create table if not exists meta.gold_rebuild (
    is_wanted boolean primary key default true check (is_wanted),
    requested_at timestamptz not null default clock_timestamp()
);

comment on table meta.gold_rebuild is 'At most one row: Gold is to be built from the beginning. Written before the '
'first model is, removed behind the last, so that a rebuild that was killed is finished by the next run.';

create table if not exists meta.gold_state (
    model text not null,
    source_table text not null,
    load_id bigint not null default 0,
    through_load_id bigint,
    updated_at timestamptz not null default clock_timestamp(),
    primary key (model, source_table)
);

comment on table meta.gold_state is 'What Gold has taken. One row per reader (a dbt model, or dbt_test) and '
'table it reads: one watermark per table, never a maximum over several.';
comment on column meta.gold_state.load_id is 'Rows of source_table with _load_id up to this one are taken.';
comment on column meta.gold_state.through_load_id is 'Upper bound of the build under way; null: none.';

-- Known readers, so that "is there anything to do" has an answer before their first build.
insert into meta.gold_state (model, source_table)
values
('dim_customer', 'silver.customers'),
('dim_customer', 'silver.sales_customer'),
('dim_product', 'silver.products'),
('dim_product', 'silver.sales_product'),
('sales_item', 'silver.sales_customer'),
('sales_item', 'silver.sales_product'),
('mart_sales_by_customer', 'gold.sales_item'),
('dbt_test', 'silver.sales_product'),
('dbt_test', 'gold.dim_customer'),
('dbt_test', 'gold.dim_product'),
('dbt_test', 'gold.sales_item'),
('dbt_test', 'gold.mart_sales_by_customer')
on conflict (model, source_table) do nothing;

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

comment on table silver.customers is 'One row per customer, newest version by updated_at.';
comment on table silver.products is 'One row per product, newest version by updated_at.';
comment on table silver.sales_customer is 'Sale headers. One row per sale.';
comment on table silver.sales_product is 'Sale lines. One row per sale_id and line_no.';

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
