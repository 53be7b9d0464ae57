with expected as (

    select
        currency,
        forecast_date,
        week_number,
        sum(expected_amount) as expected_amount
    from {{ ref('mart_revenue_forecast') }}
    where verdict <> 'history too short'
    group by currency, forecast_date, week_number

),

currency as (

    select distinct currency
    from {{ ref('mart_revenue_forecast') }}

),

-- The eight weeks before, the 28 days after, and the same weekdays a year before them.
sold as (

    select
        sold_date,
        currency,
        sum(net_amount) as net_amount
    from {{ ref('mart_sales_by_store') }}
    where sold_date between {{ business_date() }} - 55 - 364 and {{ business_date() }}
    group by sold_date, currency

),

began as (

    select
        currency,
        min(sold_date) as first_date
    from {{ ref('mart_sales_by_store') }}
    where sold_date <= {{ business_date() }}
    group by currency

)

select
    currency.currency,
    {{ business_date() }} + day.number as sold_date,
    day.number > 0 as is_forecast,
    (case when day.number <= 0 then coalesce(came.net_amount, 0) end)::numeric(38, 2) as actual_amount,
    (
        case
            when {{ business_date() }} + day.number - 364 >= began.first_date then coalesce(year_before.net_amount, 0)
        end
    )::numeric(38, 2) as year_before_amount,
    expected.expected_amount::numeric(38, 2) as expected_amount,
    round(expected.expected_amount * tested.lower_ratio, 2)::numeric(38, 2) as lower_amount,
    round(expected.expected_amount * tested.upper_ratio, 2)::numeric(38, 2) as upper_amount,
    {{ business_date() }} as business_date,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from currency
cross join generate_series(-55, 28) as day (number)
inner join began on currency.currency = began.currency
left join sold as came on currency.currency = came.currency and {{ business_date() }} + day.number = came.sold_date
left join sold as year_before
    on currency.currency = year_before.currency and {{ business_date() }} + day.number - 364 = year_before.sold_date
left join expected
    on currency.currency = expected.currency and {{ business_date() }} + day.number = expected.forecast_date
left join {{ ref('revenue_forecast_backtest') }} as tested
    on
        currency.currency = tested.currency
        and tested.series = 'all stores'
        and tested.method = 'forecast'
        and 'week ' || expected.week_number = tested.horizon
where {{ business_date() }} + day.number >= began.first_date
