-- Next to the forecast stands what all stores brought: that day, and 364 days before where the history has it.
{{ config(tags=['nightly']) }}

with sold as (

    select
        currency,
        sold_date,
        sum(net_amount) as net_amount
    from {{ ref('mart_sales_by_store') }}
    group by currency, sold_date

),

began as (

    select
        currency,
        min(sold_date) as first_date
    from sold
    group by currency

)

select
    day.currency,
    day.sold_date,
    day.actual_amount,
    came.net_amount as came_amount,
    day.year_before_amount,
    year_before.net_amount as came_year_before_amount
from {{ ref('revenue_forecast_days') }} as day
inner join began on day.currency = began.currency
left join sold as came on day.currency = came.currency and day.sold_date = came.sold_date
left join sold as year_before on day.currency = year_before.currency and day.sold_date - 364 = year_before.sold_date
where
    day.actual_amount <> coalesce(came.net_amount, 0)
    or (day.year_before_amount is null) <> (day.sold_date - 364 < began.first_date)
    or day.year_before_amount <> coalesce(year_before.net_amount, 0)
