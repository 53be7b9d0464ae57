-- Reconciliation: what a check notes, differences that were accepted, repairs of sales.

-- ---------------------------------------------------------------- what a check notes

alter table meta.reconciliation
add column if not exists late_count bigint not null default 0,
add column if not exists accepted_count bigint not null default 0,
add column if not exists late_net_amount numeric(38, 2) not null default 0,
add column if not exists accepted_net_amount numeric(38, 2) not null default 0,
add column if not exists source_checksum bigint,
add column if not exists silver_checksum bigint,
add column if not exists updated_after timestamptz,
add column if not exists updated_up_to timestamptz,
add column if not exists is_settled boolean,
alter column source_count drop not null,
alter column source_net_amount type numeric(38, 2),
alter column silver_net_amount type numeric(38, 2),
alter column gold_net_amount type numeric(38, 2),
drop constraint if exists reconciliation_dataset_check,
drop constraint if exists reconciliation_status_check,
drop constraint if exists reconciliation_names_the_difference,
drop constraint if exists reconciliation_balanced_means_equal,
drop constraint if exists reconciliation_explained_adds_up,
drop constraint if exists reconciliation_compared_with_a_source,
drop constraint if exists reconciliation_different_is_open;

update meta.reconciliation
set is_settled = status in ('BALANCED', 'ACCEPTED')
where is_settled is null;

-- Not valid: they hold for every row from now on. Rows of before may claim more than was true.
alter table meta.reconciliation
alter column is_settled set not null,
add constraint reconciliation_dataset_check
check (dataset in ('customers', 'products', 'sales_customer', 'sales_product')),
add constraint reconciliation_status_check
check (status in ('BALANCED', 'EXPLAINED', 'DIFFERENT', 'UNCHECKED', 'LATE', 'ACCEPTED')),
add constraint reconciliation_names_the_difference
check ((status = 'BALANCED') = (difference is null)),
add constraint reconciliation_balanced_means_equal check (
    status <> 'BALANCED'
    or (
        source_count = silver_count
        and late_count = 0 and rejected_count = 0 and accepted_count = 0
        and source_net_amount is not distinct from silver_net_amount
        and (source_checksum is null or source_checksum = silver_checksum)
    )
) not valid,
add constraint reconciliation_explained_adds_up check (
    status <> 'EXPLAINED'
    or (
        source_count = silver_count + late_count + rejected_count + accepted_count
        and (
            rejected_count <> 0
            or source_net_amount is not distinct from silver_net_amount + late_net_amount + accepted_net_amount
        )
    )
) not valid,
add constraint reconciliation_compared_with_a_source
check (source_count is not null or status in ('UNCHECKED', 'DIFFERENT')) not valid,
add constraint reconciliation_different_is_open
check (status <> 'DIFFERENT' or not is_settled) not valid;

drop index if exists meta.reconciliation_settled;
create index if not exists reconciliation_is_settled on meta.reconciliation (dataset, up_to_id) where is_settled;
create index if not exists reconciliation_open on meta.reconciliation (dataset, reconciliation_id) where not is_settled;

create index if not exists customers_updated_at on silver.customers (updated_at);
create index if not exists products_updated_at on silver.products (updated_at);

-- ---------------------------------------------------------------- differences that stay

create table if not exists meta.accepted_difference (
    accepted_difference_id bigint generated always as identity primary key,
    entity text not null check (entity in ('customers', 'products', 'sales')),
    record_id bigint not null,
    source_lines bigint,
    source_net_amount numeric(38, 2),
    source_checksum bigint,
    silver_lines bigint,
    silver_net_amount numeric(38, 2),
    silver_checksum bigint,
    run_id text not null,
    accepted_at timestamptz not null default clock_timestamp(),
    accepted_by text not null default session_user,
    note text,
    constraint accepted_difference_is_one check (
        (source_lines, source_net_amount, source_checksum)
        is distinct from (silver_lines, silver_net_amount, silver_checksum)
    ),
    constraint accepted_difference_once unique nulls not distinct (
        entity, record_id, source_lines, source_net_amount, source_checksum, silver_lines, silver_net_amount,
        silver_checksum
    )
);

-- ---------------------------------------------------------------- repairs

create table if not exists meta.sale_repair (
    sale_id bigint not null check (sale_id > 0),
    load_id bigint not null references meta.load,
    run_id text not null,
    requested_at timestamptz not null default clock_timestamp(),
    requested_by text not null default session_user,
    header_load_id bigint references meta.load,
    lines_load_id bigint references meta.load,
    primary key (sale_id, load_id)
);
