with figure as (

    select
        customer_id,
        currency,
        any_value(customer_key) as customer_key,
        max(event_date) filter (where is_purchase) as last_sale_date,
        count(*) filter (where is_purchase and event_date > {{ business_date() }} - 365) as frequency,
        coalesce(sum(net_amount) filter (where event_date > {{ business_date() }} - 365), 0) as monetary_amount
    from {{ ref('fct_customer_behavior') }}
    where currency is not null
    group by customer_id, currency
    having bool_or(is_purchase)

),

scored as (

    select
        figure.*,
        {{ rfm_score('figure.last_sale_date', rfm_cuts('recency')) }} as recency_score,
        {{ rfm_score('figure.frequency', rfm_cuts('frequency')) }} as frequency_score,
        {{ rfm_score('figure.monetary_amount', rfm_cuts('monetary')) }} as monetary_score
    from figure
    left join {{ ref('rfm_cut_points') }} as cut
        on figure.currency = cut.currency and cut.night = {{ business_date() }}

)

select
    scored.customer_key,
    scored.customer_id,
    scored.currency,
    scored.last_sale_date,
    scored.frequency,
    scored.monetary_amount::numeric(38, 2) as monetary_amount,
    scored.recency_score,
    scored.frequency_score,
    scored.monetary_score,
    {{ rfm_segment('scored.recency_score', 'scored.frequency_score', 'scored.monetary_score') }} as rfm_segment,
    coalesce(customer.is_deleted, false) as is_deleted,
    {{ business_date() }} as business_date,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from scored
left join {{ ref('dim_customer') }} as customer on scored.customer_key = customer.customer_key
