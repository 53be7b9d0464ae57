-- The statements of report/stores.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: is_built
-- Whether there are stores and what they sold.
select to_regclass('gold.mart_sales_by_store') is not null and to_regclass('gold.dim_store') is not null;

-- name: stores
-- What each store sold in a period, in the one before it, and in the same one a year before. Ranges of days, each of
-- which the key of the mart finds.
with sold as (

    select
        store_key,
        store_id,
        currency,
        case when sold_date >= %(since)s then net_amount end as net_amount,
        case when sold_date < %(since)s then net_amount end as net_before,
        null::numeric as net_year_before
    from gold.mart_sales_by_store
    where sold_date >= %(before)s and sold_date < %(until)s

    union all

    select
        store_key,
        store_id,
        currency,
        null as net_amount,
        null as net_before,
        net_amount as net_year_before
    from gold.mart_sales_by_store
    where sold_date >= %(year_since)s and sold_date < %(year_until)s

)

select
    sold.currency,
    case when store.is_inferred is false then store.store_name else 'Store ' || sold.store_id end as name,
    case when store.is_inferred is false then store.city else '' end as city,
    (store.opened_at at time zone 'UTC')::date as opened_on,
    store.is_active is false and store.opened_at <= %(now)s as is_closed,
    coalesce(sum(sold.net_amount), 0) as net_amount,
    coalesce(sum(sold.net_before), 0) as net_before,
    coalesce(sum(sold.net_year_before), 0) as net_year_before
from sold
left join gold.dim_store as store on sold.store_key = store.store_key
where sold.currency = any(%(currencies)s)
group by
    sold.currency, sold.store_id, store.store_name, store.city, store.opened_at, store.is_active, store.is_inferred
order by net_amount desc, sold.store_id;
