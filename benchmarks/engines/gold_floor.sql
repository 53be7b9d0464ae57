-- The statements of benchmarks/engines/gold_floor.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: dim_customer
-- Customers. As in each that follows: once, without increments, contract and log.
create table gold.dim_customer as
select
    md5('customer:' || customer_id)::uuid as customer_key,
    *
from silver.customers;

alter table gold.dim_customer add primary key (customer_key), add unique (customer_id);

-- name: dim_product
-- Products.
create table gold.dim_product as
select
    md5('product:' || product_id)::uuid as product_key,
    *
from silver.products;

alter table gold.dim_product add primary key (product_key), add unique (product_id);

-- name: sales_item
-- The fact.
create table gold.sales_item as
select
    line.sale_id || '-' || line.line_no as sales_item_id,
    line.sale_id,
    line.line_no,
    md5('customer:' || header.customer_id)::uuid as customer_key,
    md5('product:' || line.product_id)::uuid as product_key,
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
    line.quantity < 0 as is_return,
    1::bigint as _load_id,
    now() as _loaded_at
from silver.sales_customer as header
inner join silver.sales_product as line on header.sale_id = line.sale_id;

alter table gold.sales_item add primary key (sales_item_id);

create index on gold.sales_item (sold_date, customer_key);

analyze gold.sales_item;

-- name: mart_sales_by_customer
-- The mart by customer and day.
create table gold.mart_sales_by_customer as
select
    sold_date,
    customer_key,
    customer_id,
    count(distinct sale_id) filter (where not is_return) as sale_count,
    count(distinct sale_id) filter (where is_return) as return_count,
    count(*) as line_count,
    sum(quantity) as quantity,
    sum(gross_amount) as gross_amount,
    sum(discount_amount) as discount_amount,
    sum(net_amount) as net_amount
from gold.sales_item
group by sold_date, customer_key, customer_id;

alter table gold.mart_sales_by_customer add primary key (sold_date, customer_key);

-- name: mart_sales_by_hour
-- The mart by hour, store and channel.
create table gold.mart_sales_by_hour as
select
    date_trunc('hour', sold_at, 'UTC') as sold_hour,
    store_id,
    channel,
    currency,
    count(distinct sale_id) filter (where not is_return) as sale_count,
    count(distinct sale_id) filter (where is_return) as return_count,
    count(*) as line_count,
    sum(quantity) as quantity,
    sum(gross_amount) as gross_amount,
    sum(discount_amount) as discount_amount,
    sum(net_amount) as net_amount,
    sum(-net_amount) filter (where is_return) as returned_amount
from gold.sales_item
group by date_trunc('hour', sold_at, 'UTC'), store_id, channel, currency;

alter table gold.mart_sales_by_hour add primary key (sold_hour, store_id, channel, currency);

-- name: mart_sales_by_product
-- The mart by product and day.
create table gold.mart_sales_by_product as
select
    sold_date,
    product_key,
    product_id,
    currency,
    count(distinct sale_id) filter (where not is_return) as sale_count,
    count(distinct sale_id) filter (where is_return) as return_count,
    count(*) as line_count,
    sum(quantity) as quantity,
    sum(gross_amount) as gross_amount,
    sum(discount_amount) as discount_amount,
    sum(net_amount) as net_amount,
    sum(-net_amount) filter (where is_return) as returned_amount
from gold.sales_item
group by sold_date, product_key, product_id, currency;

alter table gold.mart_sales_by_product add primary key (sold_date, product_key, currency);
