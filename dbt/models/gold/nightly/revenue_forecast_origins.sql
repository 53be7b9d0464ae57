-- The business date and the moments of the tests. The usual 13 times 28 days cover each season once.
with moment as (

    select {{ business_date() }} - 28 * number as as_of
    from generate_series(0, {{ var('forecast_tests') }}) as number

),

{{ revenue_forecast() }},

began as (

    select
        currency,
        min(sold_date) as first_date
    from sold
    group by currency

)

-- The naive ways know which stores are closed, too, and are asked for the same days.
select
    forecast.as_of as origin_date,
    forecast.store_key,
    forecast.store_id,
    forecast.currency,
    forecast.sold_date,
    ((forecast.day_number + 6) / 7)::integer as week_number,
    case
        when forecast.is_closed then 'closed'
        when forecast.is_known then 'expected'
        else 'history too short'
    end as verdict,
    forecast.special_day,
    round(forecast.expected_amount, 2)::numeric(38, 2) as expected_amount,
    case when forecast.is_closed then 0 else coalesce(week_before.net_amount, 0) end::numeric(38, 2)
        as week_before_amount,
    case
        when forecast.is_closed then 0
        when forecast.as_of - 364 >= began.first_date then coalesce(year_before.net_amount, 0)
    end::numeric(38, 2) as year_before_amount,
    case when forecast.as_of < {{ business_date() }} then coalesce(came.net_amount, 0) end::numeric(38, 2)
        as actual_amount,
    {{ business_date() }} as business_date,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from forecast
inner join began on forecast.currency = began.currency
left join sold as came
    on
        forecast.store_key = came.store_key
        and forecast.currency = came.currency
        and forecast.sold_date = came.sold_date
left join sold as week_before
    on
        forecast.store_key = week_before.store_key
        and forecast.currency = week_before.currency
        and forecast.as_of - 6 + (forecast.day_number - 1) % 7 = week_before.sold_date
left join sold as year_before
    on
        forecast.store_key = year_before.store_key
        and forecast.currency = year_before.currency
        and forecast.sold_date - 364 = year_before.sold_date
