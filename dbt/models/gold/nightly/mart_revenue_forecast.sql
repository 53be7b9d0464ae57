select
    coming.store_key,
    coming.store_id,
    coming.currency,
    coming.sold_date as forecast_date,
    coming.week_number,
    coming.verdict,
    coming.verdict = 'closed' as is_closed,
    coming.special_day,
    coming.expected_amount,
    round(coming.expected_amount * tested.lower_ratio, 2)::numeric(38, 2) as lower_amount,
    round(coming.expected_amount * tested.upper_ratio, 2)::numeric(38, 2) as upper_amount,
    coming.week_before_amount,
    coming.year_before_amount,
    {{ business_date() }} as business_date,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from {{ ref('revenue_forecast_origins') }} as coming
left join {{ ref('revenue_forecast_backtest') }} as tested
    on
        coming.currency = tested.currency
        and coming.store_id = tested.store_id
        and tested.method = 'forecast'
        and 'week ' || coming.week_number = tested.horizon
where coming.origin_date = {{ business_date() }}
