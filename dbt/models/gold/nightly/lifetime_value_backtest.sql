{% set open_month = month_index('(' ~ business_date() ~ ' + 1)') -%}

-- The month's end after which that many months are complete at the business date.
with moment as (

    select
        ({{ month_of_index(open_month ~ ' - horizon.horizon_month_count') }}) - 1 as as_of,
        horizon.horizon_month_count
    from (values (3), (6), (12)) as horizon (horizon_month_count)

),

{{ lifetime_value_forecast() }},

currency as (

    select distinct currency
    from {{ ref('mart_customer_cohort_sales') }}

),

expected as (

    select
        as_of,
        currency,
        any_value(history_month_count) as history_month_count,
        sum(customer_count)::bigint as customer_count,
        round(sum(customer_count * margin_per_customer), 2) as expected_amount
    from forecast
    where history_month_count is not null
    group by as_of, currency

),

actual as (

    select
        bound.as_of,
        sales.currency,
        sum(sales.margin_amount) as actual_amount
    from bound
    inner join {{ ref('mart_customer_cohort_sales') }} as sales
        on
            bound.as_of >= sales.cohort_month
            and {{ month_index('sales.activity_month') }}
            between bound.as_of_month + 1 and bound.as_of_month + bound.horizon_month_count
    group by bound.as_of, sales.currency

)

select
    currency.currency,
    moment.horizon_month_count,
    moment.as_of as as_of_date,
    case when expected.as_of is null then 'history too short' else 'measured' end as verdict,
    expected.history_month_count,
    expected.customer_count,
    expected.expected_amount::numeric(38, 2) as expected_margin_amount,
    (case when expected.as_of is not null then actual.actual_amount end)::numeric(38, 2) as actual_margin_amount,
    round((expected.expected_amount - actual.actual_amount) / nullif(abs(actual.actual_amount), 0), 6)::numeric(24, 6)
        as error_share,
    {{ business_date() }} as business_date,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from currency
cross join moment
left join expected on currency.currency = expected.currency and moment.as_of = expected.as_of
left join actual on currency.currency = actual.currency and moment.as_of = actual.as_of
