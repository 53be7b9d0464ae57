-- The statements of report/sales.py. Each starts at a line "-- name: …" and ends at the next one. They read marts by
-- ranges of days, so that a page costs the same however long the history is.

-- name: is_built
-- Whether there are marts to read.
select
    to_regclass('gold.mart_sales_by_hour') is not null
    and to_regclass('gold.mart_sales_by_product') is not null
    and to_regclass('gold.dim_product') is not null
    and to_regclass('gold.sales_item') is not null;

-- name: is_fact_there
-- Whether there is a fact, which the marts are made of.
select to_regclass('gold.sales_item') is not null;

-- name: has_fact_sales
-- Whether the fact holds a sale.
select exists (select from gold.sales_item);

-- name: last_hour
-- The last hour with sales that is not in the future, and how many lines are: a clock at the source may run ahead.
select
    (select max(sold_hour) from gold.mart_sales_by_hour where sold_hour <= %(now)s) as last_hour,
    (
        select coalesce(sum(line_count), 0)::bigint
        from gold.mart_sales_by_hour
        where sold_hour > %(now)s
    ) as future_lines;

-- name: last_sale
-- When the last sale of an hour was made.
select max(sold_at)
from gold.sales_item
where sold_at >= %(hour)s and sold_at < %(hour)s + interval '1 hour' and sold_at <= %(now)s;

-- name: first_hour
-- When the first sale was made, to the hour.
select min(sold_hour) from gold.mart_sales_by_hour;

-- name: currencies
-- Net amount by currency, largest first.
select
    currency,
    sum(net_amount) as net_amount
from gold.mart_sales_by_hour
where sold_hour >= %(since)s and sold_hour < %(until)s
group by currency
order by sum(abs(net_amount)) desc, currency;

-- name: hours
-- What was sold in each hour.
select
    sold_hour,
    sum(sale_count)::bigint as sale_count,
    sum(return_count)::bigint as return_count,
    sum(quantity)::bigint as quantity,
    sum(net_amount) as net_amount,
    sum(returned_amount) as returned_amount
from gold.mart_sales_by_hour
where sold_hour >= %(since)s and sold_hour < %(until)s and currency = %(currency)s
group by sold_hour
order by sold_hour;

-- name: channels
-- What each channel sold in a period, and in the one before it.
select
    channel as name,
    '' as note,
    coalesce(sum(net_amount) filter (where sold_hour >= %(since)s), 0) as net_amount,
    coalesce(sum(net_amount) filter (where sold_hour < %(since)s), 0) as net_before,
    coalesce(sum(returned_amount) filter (where sold_hour >= %(since)s), 0) as returned_amount
from gold.mart_sales_by_hour
where sold_hour >= %(before)s and sold_hour < %(until)s and currency = %(currency)s
group by channel
order by net_amount desc, channel;

-- name: products
-- The products that brought most in a period.
select
    case when product.is_inferred then 'Product ' || sold.product_id else product.product_name end as name,
    product.category as note,
    coalesce(sum(sold.net_amount) filter (where sold.sold_date >= %(since)s::date), 0) as net_amount,
    coalesce(sum(sold.net_amount) filter (where sold.sold_date < %(since)s::date), 0) as net_before,
    coalesce(sum(sold.returned_amount) filter (where sold.sold_date >= %(since)s::date), 0) as returned_amount
from gold.mart_sales_by_product as sold
inner join gold.dim_product as product on sold.product_key = product.product_key
where
    sold.sold_date >= %(before)s::date and sold.sold_date < %(until)s::date and sold.currency = %(currency)s
group by sold.product_id, product.product_name, product.category, product.is_inferred
order by net_amount desc, sold.product_id
limit %(limit)s;

-- name: categories
-- What each category sold in a period, and in the one before it.
select
    product.category as name,
    '' as note,
    coalesce(sum(sold.net_amount) filter (where sold.sold_date >= %(since)s::date), 0) as net_amount,
    coalesce(sum(sold.net_amount) filter (where sold.sold_date < %(since)s::date), 0) as net_before,
    coalesce(sum(sold.returned_amount) filter (where sold.sold_date >= %(since)s::date), 0) as returned_amount
from gold.mart_sales_by_product as sold
inner join gold.dim_product as product on sold.product_key = product.product_key
where
    sold.sold_date >= %(before)s::date and sold.sold_date < %(until)s::date and sold.currency = %(currency)s
group by product.category
order by net_amount desc, name;
