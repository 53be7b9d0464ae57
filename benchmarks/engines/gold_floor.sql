-- The statements of benchmarks/engines/gold_floor.py. Each starts at a line "-- name: …" and ends at the next one.
-- The columns, keys and indexes are those of the models in dbt/models/gold.

-- name: dim_customer
-- Customers. As in each that follows: once, without increments, checks and log.
create table gold.dim_customer as
select
    md5('customer:' || customer_id)::uuid as customer_key,
    customer_id,
    first_name,
    last_name,
    email,
    phone,
    coalesce(city, 'Unknown') as city,
    coalesce(region, 'Unknown') as region,
    coalesce(country, '??') as country,
    md5(
        'location:'
        || jsonb_build_array(coalesce(country, '??'), coalesce(region, 'Unknown'), coalesce(city, 'Unknown'))::text
    )::uuid as location_key,
    coalesce(segment, 'unknown') as segment,
    signed_up_at,
    updated_at,
    coalesce(is_deleted, false) as is_deleted,
    known.customer_id is null as is_inferred,
    1::bigint as _load_id,
    now() as _loaded_at
from silver.customers as known
full join (select distinct customer_id from silver.sales_customer) as sold using (customer_id);

alter table gold.dim_customer add primary key (customer_key);

create unique index on gold.dim_customer (customer_id);
create index on gold.dim_customer using brin (_load_id);

-- name: dim_product
-- Products.
create table gold.dim_product as
select
    md5('product:' || product_id)::uuid as product_key,
    product_id,
    sku,
    coalesce(name, 'Unknown') as product_name,
    coalesce(category, 'Unknown') as category,
    coalesce(subcategory, 'Unknown') as subcategory,
    coalesce(brand, 'Unknown') as brand,
    unit_price,
    unit_cost,
    currency,
    coalesce(is_active, true) as is_active,
    updated_at,
    known.product_id is null as is_inferred,
    1::bigint as _load_id,
    now() as _loaded_at
from silver.products as known
full join (select distinct product_id from silver.sales_product) as sold using (product_id);

alter table gold.dim_product add primary key (product_key);

create unique index on gold.dim_product (product_id);
create index on gold.dim_product using brin (_load_id);

-- name: dim_customer_history
-- Versions of customers: equal ones that follow each other are one period.
create table gold.dim_customer_history as
with version as (
    select distinct on (customer_id, updated_at)
        *,
        row(
            first_name, last_name, email, phone, city, region,
            country, segment, signed_up_at, is_deleted
        ) as content
    from silver.customers_version
    order by customer_id asc, updated_at asc, content desc
),

compared as (
    select
        *,
        lag(content) over (partition by customer_id order by updated_at) as content_before
    from version
),

numbered as (
    select
        *,
        count(*) filter (where content is distinct from content_before) over chain as period
    from compared
    window chain as (partition by customer_id order by updated_at)
),

period as (
    select distinct on (customer_id, period)
        *,
        min(updated_at) over (partition by customer_id, period) as began_at
    from numbered
    order by customer_id asc, period asc, updated_at desc
),

named as (
    select distinct customer_id
    from silver.sales_customer as sold
    where not exists (select from silver.customers as known where known.customer_id = sold.customer_id)
),

chain as (
    select
        *,
        case when period > 1 then began_at else '-infinity' end as valid_from,
        lead(began_at, 1, 'infinity') over (partition by customer_id order by period) as valid_to,
        period is null as is_inferred
    from period
    full join named using (customer_id)
)

select
    md5('customer_version:' || customer_id || ':' || coalesce(meta.moment_text(valid_from), '-infinity'))::uuid
    as customer_version_key,
    md5('customer:' || customer_id)::uuid as customer_key,
    customer_id,
    first_name,
    last_name,
    email,
    phone,
    coalesce(city, 'Unknown') as city,
    coalesce(region, 'Unknown') as region,
    coalesce(country, '??') as country,
    coalesce(segment, 'unknown') as segment,
    signed_up_at,
    updated_at,
    valid_from,
    valid_to,
    tstzrange(valid_from, valid_to) as valid_during,
    valid_to = 'infinity' as is_current,
    coalesce(is_deleted, false) as is_deleted,
    is_inferred,
    1::bigint as _load_id,
    now() as _loaded_at
from chain;

alter table gold.dim_customer_history
add primary key (customer_version_key), add unique (customer_id, valid_during without overlaps);

create unique index on gold.dim_customer_history (customer_id, valid_from);
create index on gold.dim_customer_history using brin (_load_id);

analyze gold.dim_customer_history;

-- name: dim_product_history
-- Versions of products: equal ones that follow each other are one period.
create table gold.dim_product_history as
with version as (
    select distinct on (product_id, updated_at)
        *,
        row(
            sku, name, category, subcategory, brand,
            unit_price, unit_cost, currency, is_active
        ) as content
    from silver.products_version
    order by product_id asc, updated_at asc, content desc
),

compared as (
    select
        *,
        lag(content) over (partition by product_id order by updated_at) as content_before
    from version
),

numbered as (
    select
        *,
        count(*) filter (where content is distinct from content_before) over chain as period
    from compared
    window chain as (partition by product_id order by updated_at)
),

period as (
    select distinct on (product_id, period)
        *,
        min(updated_at) over (partition by product_id, period) as began_at
    from numbered
    order by product_id asc, period asc, updated_at desc
),

named as (
    select distinct product_id
    from silver.sales_product as sold
    where not exists (select from silver.products as known where known.product_id = sold.product_id)
),

chain as (
    select
        *,
        case when period > 1 then began_at else '-infinity' end as valid_from,
        lead(began_at, 1, 'infinity') over (partition by product_id order by period) as valid_to,
        period is null as is_inferred
    from period
    full join named using (product_id)
)

select
    md5('product_version:' || product_id || ':' || coalesce(meta.moment_text(valid_from), '-infinity'))::uuid
    as product_version_key,
    md5('product:' || product_id)::uuid as product_key,
    product_id,
    sku,
    coalesce(name, 'Unknown') as product_name,
    coalesce(category, 'Unknown') as category,
    coalesce(subcategory, 'Unknown') as subcategory,
    coalesce(brand, 'Unknown') as brand,
    unit_price,
    unit_cost,
    currency,
    coalesce(is_active, true) as is_active,
    updated_at,
    valid_from,
    valid_to,
    tstzrange(valid_from, valid_to) as valid_during,
    valid_to = 'infinity' as is_current,
    is_inferred,
    1::bigint as _load_id,
    now() as _loaded_at
from chain;

alter table gold.dim_product_history
add primary key (product_version_key), add unique (product_id, valid_during without overlaps);

create unique index on gold.dim_product_history (product_id, valid_from);
create index on gold.dim_product_history using brin (_load_id);

analyze gold.dim_product_history;

-- name: dim_store_history
-- Versions of stores: equal ones that follow each other are one period.
create table gold.dim_store_history as
with version as (
    select distinct on (store_id, updated_at)
        *,
        row(name, format, city, region, country, currency, opened_at, is_active) as content
    from silver.stores_version
    order by store_id asc, updated_at asc, content desc
),

compared as (
    select
        *,
        lag(content) over (partition by store_id order by updated_at) as content_before
    from version
),

numbered as (
    select
        *,
        count(*) filter (where content is distinct from content_before) over chain as period
    from compared
    window chain as (partition by store_id order by updated_at)
),

period as (
    select distinct on (store_id, period)
        *,
        min(updated_at) over (partition by store_id, period) as began_at
    from numbered
    order by store_id asc, period asc, updated_at desc
),

named as (
    select distinct store_id
    from silver.sales_customer as sold
    where not exists (select from silver.stores as known where known.store_id = sold.store_id)
),

chain as (
    select
        *,
        case when period > 1 then began_at else '-infinity' end as valid_from,
        lead(began_at, 1, 'infinity') over (partition by store_id order by period) as valid_to,
        period is null as is_inferred
    from period
    full join named using (store_id)
)

select
    md5('store_version:' || store_id || ':' || coalesce(meta.moment_text(valid_from), '-infinity'))::uuid
    as store_version_key,
    md5('store:' || store_id)::uuid as store_key,
    store_id,
    coalesce(name, 'Unknown') as store_name,
    coalesce(format, 'unknown') as format,
    coalesce(city, 'Unknown') as city,
    coalesce(region, 'Unknown') as region,
    coalesce(country, '??') as country,
    currency,
    opened_at,
    coalesce(is_active, true) as is_active,
    updated_at,
    valid_from,
    valid_to,
    tstzrange(valid_from, valid_to) as valid_during,
    valid_to = 'infinity' as is_current,
    is_inferred,
    1::bigint as _load_id,
    now() as _loaded_at
from chain;

alter table gold.dim_store_history
add primary key (store_version_key), add unique (store_id, valid_during without overlaps);

create unique index on gold.dim_store_history (store_id, valid_from);
create index on gold.dim_store_history using brin (_load_id);

analyze gold.dim_store_history;

-- name: sales_item
-- The fact, with the versions in force at the sale.
create table gold.sales_item as
select
    line.sale_id || '-' || line.line_no as sales_item_id,
    line.sale_id,
    line.line_no,
    customer_version.customer_key,
    product_version.product_key,
    store_version.store_key,
    customer_version.customer_version_key,
    product_version.product_version_key,
    store_version.store_version_key,
    header.customer_id,
    line.product_id,
    header.sold_at,
    (header.sold_at at time zone 'UTC')::date as sold_date,
    header.store_id,
    header.channel,
    header.payment_method,
    header.currency,
    line.quantity,
    line.unit_price,
    (line.quantity * line.unit_price)::numeric(24, 2) as gross_amount,
    line.discount as discount_amount,
    (line.quantity * line.unit_price - line.discount)::numeric(24, 2) as net_amount,
    (
        case when product_version.currency = header.currency then line.quantity * product_version.unit_cost end
    )::numeric(24, 2) as cost_amount,
    line.quantity < 0 as is_return,
    1::bigint as _load_id,
    now() as _loaded_at
from silver.sales_customer as header
inner join silver.sales_product as line on header.sale_id = line.sale_id
left join gold.dim_customer_history as customer_version
    on
        header.customer_id = customer_version.customer_id
        and customer_version.valid_from <= header.sold_at
        and customer_version.valid_to > header.sold_at
left join gold.dim_product_history as product_version
    on
        line.product_id = product_version.product_id
        and product_version.valid_from <= header.sold_at
        and product_version.valid_to > header.sold_at
left join gold.dim_store_history as store_version
    on
        header.store_id = store_version.store_id
        and store_version.valid_from <= header.sold_at
        and store_version.valid_to > header.sold_at;

alter table gold.sales_item add primary key (sales_item_id);

create index on gold.sales_item (sold_date, customer_key);
create index on gold.sales_item (sold_date, product_key);
create index on gold.sales_item using brin (_load_id);
create index on gold.sales_item using brin (sale_id);
create index on gold.sales_item using brin (sold_at timestamptz_minmax_multi_ops);

analyze gold.sales_item;

-- name: mart_sales_by_customer
-- The mart by customer and day.
create table gold.mart_sales_by_customer as
select
    sold_date,
    customer_key,
    customer_id,
    currency,
    count(distinct case when not is_return then sale_id end) as sale_count,
    count(distinct case when is_return then sale_id end) as return_count,
    count(sale_id) as line_count,
    coalesce(sum(quantity), 0)::bigint as quantity,
    coalesce(sum(case when is_return then -quantity::bigint end), 0)::bigint as returned_quantity,
    coalesce(sum(gross_amount), 0)::numeric(38, 2) as gross_amount,
    coalesce(sum(discount_amount), 0)::numeric(38, 2) as discount_amount,
    coalesce(sum(net_amount), 0)::numeric(38, 2) as net_amount,
    coalesce(sum(case when is_return then -net_amount end), 0)::numeric(38, 2) as returned_amount,
    coalesce(sum(cost_amount), 0)::numeric(38, 2) as cost_amount,
    coalesce(sum(case when cost_amount is not null then net_amount end), 0)::numeric(38, 2) as costed_net_amount,
    coalesce(sum(net_amount - cost_amount), 0)::numeric(38, 2) as margin_amount,
    1::bigint as _load_id,
    now() as _loaded_at
from gold.sales_item
group by sold_date, customer_key, customer_id, currency;

alter table gold.mart_sales_by_customer add primary key (sold_date, customer_key, currency);

create index on gold.mart_sales_by_customer using brin (_load_id);

-- name: mart_sales_by_hour
-- The mart by hour, store and channel.
create table gold.mart_sales_by_hour as
select
    date_trunc('hour', sold_at, 'UTC') as sold_hour,
    store_id,
    channel,
    currency,
    (date_trunc('hour', sold_at, 'UTC') at time zone 'UTC')::date as sold_date,
    count(distinct case when not is_return then sale_id end) as sale_count,
    count(distinct case when is_return then sale_id end) as return_count,
    count(sale_id) as line_count,
    coalesce(sum(quantity), 0)::bigint as quantity,
    coalesce(sum(case when is_return then -quantity::bigint end), 0)::bigint as returned_quantity,
    coalesce(sum(gross_amount), 0)::numeric(38, 2) as gross_amount,
    coalesce(sum(discount_amount), 0)::numeric(38, 2) as discount_amount,
    coalesce(sum(net_amount), 0)::numeric(38, 2) as net_amount,
    coalesce(sum(case when is_return then -net_amount end), 0)::numeric(38, 2) as returned_amount,
    coalesce(sum(cost_amount), 0)::numeric(38, 2) as cost_amount,
    coalesce(sum(case when cost_amount is not null then net_amount end), 0)::numeric(38, 2) as costed_net_amount,
    coalesce(sum(net_amount - cost_amount), 0)::numeric(38, 2) as margin_amount,
    1::bigint as _load_id,
    now() as _loaded_at
from gold.sales_item
group by date_trunc('hour', sold_at, 'UTC'), store_id, channel, currency;

alter table gold.mart_sales_by_hour add primary key (sold_hour, store_id, channel, currency);

create index on gold.mart_sales_by_hour using brin (_load_id);

-- name: mart_sales_by_product
-- The mart by product and day.
create table gold.mart_sales_by_product as
select
    sold_date,
    product_key,
    product_id,
    currency,
    count(distinct case when not is_return then sale_id end) as sale_count,
    count(distinct case when is_return then sale_id end) as return_count,
    count(sale_id) as line_count,
    coalesce(sum(quantity), 0)::bigint as quantity,
    coalesce(sum(case when is_return then -quantity::bigint end), 0)::bigint as returned_quantity,
    coalesce(sum(gross_amount), 0)::numeric(38, 2) as gross_amount,
    coalesce(sum(discount_amount), 0)::numeric(38, 2) as discount_amount,
    coalesce(sum(net_amount), 0)::numeric(38, 2) as net_amount,
    coalesce(sum(case when is_return then -net_amount end), 0)::numeric(38, 2) as returned_amount,
    coalesce(sum(cost_amount), 0)::numeric(38, 2) as cost_amount,
    coalesce(sum(case when cost_amount is not null then net_amount end), 0)::numeric(38, 2) as costed_net_amount,
    coalesce(sum(net_amount - cost_amount), 0)::numeric(38, 2) as margin_amount,
    1::bigint as _load_id,
    now() as _loaded_at
from gold.sales_item
group by sold_date, product_key, product_id, currency;

alter table gold.mart_sales_by_product add primary key (sold_date, product_key, currency);

create index on gold.mart_sales_by_product using brin (_load_id);
