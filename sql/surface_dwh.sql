-- Views of Gold and of the log of the steps. Their form: sql/surface_schemas.sql.

create or replace function dwh.read_fact_sales(is_built boolean)
returns table (
    sales_item_id text, sale_id bigint, line_no integer, customer_key uuid, product_key uuid, store_key uuid,
    customer_version_key uuid, product_version_key uuid, store_version_key uuid, customer_id bigint,
    product_id bigint, sold_at timestamptz, sold_date date, store_id integer, channel text,
    payment_method text, currency text, quantity integer, unit_price numeric, gross_amount numeric,
    discount_amount numeric, net_amount numeric, cost_amount numeric, is_return boolean
)
language sql
stable
parallel safe
as $$
    select
        sales_item_id, sale_id, line_no, customer_key, product_key, store_key, customer_version_key,
        product_version_key, store_version_key, customer_id, product_id, sold_at, sold_date, store_id,
        channel, payment_method, currency, quantity, unit_price, gross_amount, discount_amount, net_amount,
        cost_amount, is_return
    from gold.sales_item
$$;

comment on function dwh.read_fact_sales is 'The rows of dwh.dwh_fact_sales.';

create or replace view dwh.dwh_fact_sales
with (security_invoker = true) as
select *
from dwh.read_fact_sales(dwh.require_table('gold.sales_item'));

comment on view dwh.dwh_fact_sales is 'gold.sales_item. One row per line of a sale. Amounts are in the currency of '
'the row.';

create or replace function dwh.read_dim_customers(is_built boolean)
returns table (
    customer_version_key uuid, customer_key uuid, customer_id bigint, city text, region text, country text,
    segment text, signed_up_at timestamptz, updated_at timestamptz, valid_from timestamptz,
    valid_to timestamptz, is_current boolean, is_deleted boolean, is_inferred boolean
)
language sql
stable
parallel safe
as $$
    select
        customer_version_key, customer_key, customer_id, city, region, country, segment, signed_up_at,
        updated_at, valid_from, valid_to, is_current, is_deleted, is_inferred
    from gold.dim_customer_history
$$;

comment on function dwh.read_dim_customers is 'The rows of dwh.dwh_dim_customers.';

create or replace view dwh.dwh_dim_customers
with (security_invoker = true) as
select *
from dwh.read_dim_customers(dwh.require_table('gold.dim_customer_history'));

comment on view dwh.dwh_dim_customers is 'gold.dim_customer_history (SCD type 2) without columns that identify a '
'person. One row per customer and period in which nothing changed.';

create or replace function dwh.read_dim_products(is_built boolean)
returns table (
    product_version_key uuid, product_key uuid, product_id bigint, sku text, product_name text, category text,
    subcategory text, brand text, unit_price numeric, unit_cost numeric, currency text, is_active boolean,
    updated_at timestamptz, valid_from timestamptz, valid_to timestamptz, is_current boolean,
    is_inferred boolean
)
language sql
stable
parallel safe
as $$
    select
        product_version_key, product_key, product_id, sku, product_name, category, subcategory, brand,
        unit_price, unit_cost, currency, is_active, updated_at, valid_from, valid_to, is_current, is_inferred
    from gold.dim_product_history
$$;

comment on function dwh.read_dim_products is 'The rows of dwh.dwh_dim_products.';

create or replace view dwh.dwh_dim_products
with (security_invoker = true) as
select *
from dwh.read_dim_products(dwh.require_table('gold.dim_product_history'));

comment on view dwh.dwh_dim_products is 'gold.dim_product_history (SCD type 2). One row per product and period in '
'which nothing changed.';

create or replace function dwh.read_dim_stores(is_built boolean)
returns table (
    store_version_key uuid, store_key uuid, store_id integer, store_name text, format text, city text,
    region text, country text, currency text, opened_at timestamptz, is_active boolean,
    updated_at timestamptz, valid_from timestamptz, valid_to timestamptz, is_current boolean,
    is_inferred boolean
)
language sql
stable
parallel safe
as $$
    select
        store_version_key, store_key, store_id, store_name, format, city, region, country, currency,
        opened_at, is_active, updated_at, valid_from, valid_to, is_current, is_inferred
    from gold.dim_store_history
$$;

comment on function dwh.read_dim_stores is 'The rows of dwh.dwh_dim_stores.';

create or replace view dwh.dwh_dim_stores
with (security_invoker = true) as
select *
from dwh.read_dim_stores(dwh.require_table('gold.dim_store_history'));

comment on view dwh.dwh_dim_stores is 'gold.dim_store_history (SCD type 2). One row per store and period in which '
'nothing changed.';

create or replace function dwh.read_dim_date(is_built boolean)
returns table (
    date_day date, year integer, quarter integer, month integer, month_start_date date, month_end_date date,
    iso_year integer, iso_week integer, week_start_date date, weekday integer, weekday_name text,
    is_weekend boolean, same_weekday_last_year date, fiscal_year integer, fiscal_quarter integer,
    fiscal_period integer, fiscal_week integer, is_holiday boolean, holiday_countries text
)
language sql
stable
parallel safe
as $$
    select
        date_day, year, quarter, month, month_start_date, month_end_date, iso_year, iso_week, week_start_date,
        weekday, weekday_name, is_weekend, same_weekday_last_year, fiscal_year, fiscal_quarter, fiscal_period,
        fiscal_week, is_holiday, holiday_countries
    from gold.dim_date
$$;

comment on function dwh.read_dim_date is 'The rows of dwh.dwh_dim_date.';

create or replace view dwh.dwh_dim_date
with (security_invoker = true) as
select *
from dwh.read_dim_date(dwh.require_table('gold.dim_date'));

comment on view dwh.dwh_dim_date is 'gold.dim_date, built every night. One row per day.';

-- ---------------------------------------------------------------- dwh: the log

create or replace function dwh.read_etl_logs()
returns table (
    log_id bigint, process_name text, run_id text, layer text, table_name text, status text,
    start_time timestamptz, end_time timestamptz, rows_read bigint, rows_inserted bigint, rows_updated bigint,
    rows_rejected bigint, error_message text, error_type text, remedy text
)
language sql
stable
parallel safe
as $$
    select
        load_id, layer || '.' || dataset, run_id, layer, dataset, status, started_at, ended_at, rows_read,
        rows_inserted, rows_updated, rows_rejected, error_message, error_type, remedy
    from meta.load
$$;

comment on function dwh.read_etl_logs is 'The rows of dwh.etl_logs.';

create or replace view dwh.etl_logs
with (security_invoker = true) as
select *
from dwh.read_etl_logs();

comment on view dwh.etl_logs is 'meta.load, the log of the steps. One row per step of a run; status is RUNNING, '
'SUCCESS or FAILED.';

create or replace function dwh.read_high_water_mark()
returns table (
    table_name text, watermark_column text, watermark_value text, last_updated timestamptz
)
language sql
stable
parallel safe
as $$
    select
        entity, cursor_name, cursor_value, updated_at
    from meta.ingestion_state
$$;

comment on function dwh.read_high_water_mark is 'The rows of dwh.high_water_mark.';

create or replace view dwh.high_water_mark
with (security_invoker = true) as
select *
from dwh.read_high_water_mark();

comment on view dwh.high_water_mark is 'meta.ingestion_state: how far each entity of the source was read. One row '
'per entity.';

create or replace function dwh.read_vw_recent_etl_runs()
returns table (
    load_id bigint, run_id text, layer text, dataset text, status text, started_at timestamptz,
    ended_at timestamptz, duration_seconds numeric, rows_read bigint, rows_inserted bigint,
    rows_updated bigint, rows_unchanged bigint, rows_superseded bigint, rows_rejected bigint, bytes bigint,
    error_message text, error_type text, remedy text, exit_code integer
)
language sql
stable
parallel safe
as $$
    select
        load_id, run_id, layer, dataset, status, started_at, ended_at, duration_seconds, rows_read,
        rows_inserted, rows_updated, rows_unchanged, rows_superseded, rows_rejected, bytes, error_message,
        error_type, remedy, exit_code
    from meta.vw_recent_etl_runs
$$;

comment on function dwh.read_vw_recent_etl_runs is 'The rows of dwh.vw_recent_etl_runs.';

create or replace view dwh.vw_recent_etl_runs
with (security_invoker = true) as
select *
from dwh.read_vw_recent_etl_runs();

comment on view dwh.vw_recent_etl_runs is 'meta.vw_recent_etl_runs: the last 200 loads, newest first.';

create or replace function dwh.read_vw_etl_performance_summary()
returns table (
    layer text, dataset text, load_count bigint, failed_count bigint, last_success_at timestamptz,
    average_seconds numeric, slowest_seconds numeric, rows_read numeric, rows_per_second bigint
)
language sql
stable
parallel safe
as $$
    select
        layer, dataset, load_count, failed_count, last_success_at, average_seconds, slowest_seconds,
        rows_read, rows_per_second
    from meta.vw_etl_performance_summary
$$;

comment on function dwh.read_vw_etl_performance_summary is 'The rows of dwh.vw_etl_performance_summary.';

create or replace view dwh.vw_etl_performance_summary
with (security_invoker = true) as
select *
from dwh.read_vw_etl_performance_summary();

comment on view dwh.vw_etl_performance_summary is 'meta.vw_etl_performance_summary: last 30 days. One row per layer '
'and dataset.';
