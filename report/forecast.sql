-- The statements of report/forecast.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: outlooks
-- The next 28 days of all stores and of each, the largest first, with the errors of their sums in the tests.
with error as (

    select
        currency,
        series,
        max(test_count) filter (where method = 'forecast') as test_count,
        max(error_share) filter (where method = 'forecast') as error_share,
        max(error_share) filter (where method = 'seasonal naive') as error_of_week,
        max(error_share) filter (where method = 'year before') as error_of_year
    from gold.revenue_forecast_backtest
    where horizon = 'sum of 28 days'
    group by currency, series

)

select
    total.currency,
    case
        when total.store_id is null then null
        when store.is_inferred is false then store.store_name
        else 'Store ' || total.store_id
    end as name,
    case
        when total.expected_store_count > 0 then 'expected'
        when total.closed_store_count > 0 then 'closed'
        else 'history too short'
    end as verdict,
    total.unknown_store_count,
    total.expected_amount,
    total.lower_amount,
    total.upper_amount,
    total.last_28_days_amount,
    total.year_before_amount,
    error.test_count,
    error.error_share,
    error.error_of_week,
    error.error_of_year
from gold.revenue_forecast_totals as total
left join error using (currency, series)
left join gold.dim_store as store on total.store_id = store.store_id
where total.currency = any(%(currencies)s)
order by total.expected_amount desc nulls last, total.last_28_days_amount desc, total.store_id;

-- name: days
-- All stores together, day by day.
select
    sold_date,
    actual_amount,
    year_before_amount,
    expected_amount,
    lower_amount,
    upper_amount
from gold.revenue_forecast_days
where currency = %(currency)s
order by sold_date;
