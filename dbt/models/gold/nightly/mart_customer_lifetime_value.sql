with moment as (

    select
        {{ business_date() }} as as_of,
        12 as horizon_month_count

),

{{ lifetime_value_forecast() }},

figure as (

    select
        customer_id,
        currency,
        any_value(customer_key) as customer_key,
        min(event_date) filter (where is_purchase) as first_sale_date,
        max(event_date) filter (where is_purchase) as last_sale_date,
        count(*) filter (where is_purchase) as sale_count,
        count(*) filter (where not is_purchase) as return_count,
        sum(net_amount)::numeric(38, 2) as net_amount,
        sum(margin_amount)::numeric(38, 2) as margin_amount
    from {{ ref('fct_customer_behavior') }}
    where currency is not null
    group by customer_id, currency
    having bool_or(is_purchase)

)

select
    figure.customer_key,
    figure.customer_id,
    figure.currency,
    figure.first_sale_date,
    figure.last_sale_date,
    forecast.cohort_month,
    forecast.as_of_month - forecast.cohort as month_number,
    figure.sale_count,
    figure.return_count,
    figure.net_amount,
    figure.margin_amount,
    round(forecast.margin_per_customer, 2)::numeric(38, 2) as expected_margin_amount,
    {{ month_of_index('forecast.as_of_month + 1') }} as expected_from,
    {{ month_of_index('forecast.as_of_month + 13') }} - 1 as expected_until,
    coalesce(forecast.observed_month_count, 0) as observed_month_count,
    coalesce(customer.is_deleted, false) as is_deleted,
    {{ business_date() }} as business_date,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from figure
inner join forecast
    on figure.currency = forecast.currency and {{ month_of_cohorts('figure.first_sale_date') }} = forecast.cohort
left join {{ ref('dim_customer') }} as customer on figure.customer_key = customer.customer_key
