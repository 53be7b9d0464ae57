-- The statements of quality/anomalies/reading.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: cells_of_stores
-- Sums of each point by currency, store and channel.
select
    floor(extract(epoch from sold_hour - {begins}) / {step})::bigint as point,
    currency,
    store_id::text as store_id,
    channel,
    {parts}
from gold.mart_sales_by_hour
where sold_hour >= {begins} and sold_hour < {until}
group by 1, 2, 3, 4

-- name: cells_of_categories
-- Sums of each day by currency, store, channel and category.
select
    floor(extract(epoch from sold_date::timestamp at time zone 'UTC' - {begins}) / {step})::bigint as point,
    currency,
    store_id::text as store_id,
    channel,
    category,
    {parts}
from gold.mart_sales_by_category
where sold_date >= ({begins} at time zone 'UTC')::date and sold_date < ({until} at time zone 'UTC')::date
group by 1, 2, 3, 4, 5
