-- The statements of quality/anomalies/store_days.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: store_days
-- Sums of each store, currency and day (UTC), and in how many of its hours something was sold.
select
    store_id,
    currency,
    sold_date,
    count(distinct sold_hour) filter (where sale_count > 0)::float8 as hours,
    {parts}
from gold.mart_sales_by_hour
where sold_hour >= %(begins)s::date and sold_hour < %(until)s::date
group by store_id, currency, sold_date
order by store_id, currency, sold_date;
