-- A row for each store and one for all of them, as in the backtest.
with expected as (

    select
        currency,
        coalesce(store_id::text, 'all stores') as series,
        store_key,
        store_id,
        count(distinct store_id) filter (where verdict = 'expected') as expected_store_count,
        count(distinct store_id) filter (where verdict = 'closed') as closed_store_count,
        count(distinct store_id) filter (where verdict = 'history too short') as unknown_store_count,
        sum(expected_amount) as expected_amount,
        case when count(year_before_amount) = count(*) then sum(year_before_amount) end as year_before_amount
    from {{ ref('mart_revenue_forecast') }}
    group by grouping sets ((currency, store_key, store_id), (currency))

),

sold as (

    select
        currency,
        coalesce(store_id::text, 'all stores') as series,
        sum(net_amount) as net_amount
    from {{ ref('mart_sales_by_store') }}
    where sold_date between {{ business_date() }} - 27 and {{ business_date() }}
    group by grouping sets ((currency, store_id), (currency))

)

select
    expected.currency,
    expected.series,
    expected.store_key,
    expected.store_id,
    {{ business_date() }} + 1 as first_date,
    {{ business_date() }} + 28 as last_date,
    expected.expected_store_count,
    expected.closed_store_count,
    expected.unknown_store_count,
    expected.expected_amount::numeric(38, 2) as expected_amount,
    round(expected.expected_amount * tested.lower_ratio, 2)::numeric(38, 2) as lower_amount,
    round(expected.expected_amount * tested.upper_ratio, 2)::numeric(38, 2) as upper_amount,
    coalesce(sold.net_amount, 0)::numeric(38, 2) as last_28_days_amount,
    expected.year_before_amount::numeric(38, 2) as year_before_amount,
    {{ business_date() }} as business_date,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from expected
left join sold using (currency, series)
left join {{ ref('revenue_forecast_backtest') }} as tested
    on
        expected.currency = tested.currency
        and expected.series = tested.series
        and tested.method = 'forecast'
        and tested.horizon = 'sum of 28 days'
