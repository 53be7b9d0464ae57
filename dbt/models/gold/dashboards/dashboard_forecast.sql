with error as (

    select
        currency,
        store_id,
        max(test_count) as test_count,
        max(actual_amount) filter (where method = 'forecast') as tested_amount,
        max(error_amount) filter (where method = 'forecast') as error_amount,
        max(error_amount) filter (where method = 'seasonal naive') as naive_error_amount
    from {{ ref('revenue_forecast_backtest') }}
    where horizon = 'sum of 28 days' and store_id is not null
    group by currency, store_id

)

select
    total.store_id,
    case when store.is_inferred is false then store.store_name else 'Store ' || total.store_id end as store_name,
    total.currency,
    case
        when total.expected_store_count > 0 then 'expected'
        when total.closed_store_count > 0 then 'closed'
        else 'history too short'
    end as verdict,
    total.expected_amount,
    total.lower_amount,
    total.upper_amount,
    total.last_28_days_amount,
    total.year_before_amount,
    error.test_count,
    error.tested_amount,
    error.error_amount,
    error.naive_error_amount,
    total.business_date
from {{ ref('revenue_forecast_totals') }} as total
left join error using (currency, store_id)
left join {{ ref('dim_store') }} as store on total.store_id = store.store_id
where total.store_id is not null
