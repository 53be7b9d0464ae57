-- The statements of benchmarks/forecast.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: make_tables
-- What the forecast reads of Gold, with the columns that it reads.
drop table if exists gold.mart_sales_by_store, gold.dim_store_history, gold.dim_holiday;
create table gold.mart_sales_by_store (
    sold_date date,
    store_key uuid,
    store_id integer,
    currency text,
    net_amount numeric(38, 2),
    primary key (sold_date, store_key, currency)
);
create table gold.dim_store_history (
    store_key uuid,
    country text,
    is_active boolean,
    updated_at timestamptz,
    valid_from timestamptz,
    valid_to timestamptz
);
create table gold.dim_holiday (country text, date_day date, name text);
grant select on gold.mart_sales_by_store, gold.dim_store_history, gold.dim_holiday to retail_transformation;

-- name: add_sales
-- Days of stores.
insert into gold.mart_sales_by_store (sold_date, store_key, store_id, currency, net_amount)
values %s;

-- name: add_versions
-- Versions of stores.
insert into gold.dim_store_history (store_key, country, is_active, updated_at, valid_from, valid_to)
values %s;

-- name: add_holidays
-- Public holidays.
insert into gold.dim_holiday (country, date_day, name)
values %s;

-- name: errors
-- The errors of all stores together, and those of the single stores as a share of what these sold.
with error as (

    select
        currency,
        case series when 'all stores' then series else 'a store' end as scope,
        horizon,
        method,
        max(test_count) as test_count,
        sum(error_amount) / nullif(sum(actual_amount), 0) as error_share,
        sum(expected_amount - actual_amount) / nullif(sum(actual_amount), 0) as bias_share,
        sum(coverage_share * value_count) / sum(value_count) filter (where coverage_share is not null)
            as coverage_share
    from gold.revenue_forecast_backtest
    group by 1, 2, 3, 4

)

select
    currency || ', ' || scope || ', ' || horizon as what,
    max(test_count) filter (where method = 'forecast') as test_count,
    max(error_share) filter (where method = 'forecast') as forecast,
    max(error_share) filter (where method = 'seasonal naive') as week_before,
    max(error_share) filter (where method = 'year before') as year_before,
    max(bias_share) filter (where method = 'forecast') as bias,
    max(coverage_share) as coverage
from error
group by currency, scope, horizon
order by currency desc, scope, horizon;

-- name: history
-- Each series up to each origin, day by day since it began.
select
    origin.origin_date,
    origin.currency || ' ' || origin.store_id as series,
    array_agg(coalesce(sold.net_amount, 0) order by day.day) as amounts
from (
    select distinct
        origin_date,
        currency,
        store_id,
        store_key
    from gold.revenue_forecast_origins
    where verdict = 'expected' and actual_amount is not null
) as origin
inner join (
    select
        store_key,
        currency,
        min(sold_date) as first_date
    from gold.mart_sales_by_store
    group by store_key, currency
) as began using (store_key, currency)
cross join lateral generate_series(began.first_date, origin.origin_date, interval '1 day') as day (day)
left join gold.mart_sales_by_store as sold
    on origin.store_key = sold.store_key and origin.currency = sold.currency and day.day::date = sold.sold_date
group by origin.origin_date, origin.currency, origin.store_id;

-- name: asked
-- The days that a peer is asked for, with what came.
select
    currency,
    origin_date,
    store_id,
    sold_date - origin_date as day_number,
    actual_amount
from gold.revenue_forecast_origins
where verdict = 'expected' and actual_amount is not null;
