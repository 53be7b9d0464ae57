-- A customer's figures change on the nights when a sale comes into its year, and when one leaves it. Between them they
-- stand, so all nights cost little more than one.
with delta as (

    select
        customer_id,
        currency,
        greatest(event_date, {{ business_date() }} - {{ var('rfm_nights') }} + 1) as night,
        is_purchase::integer as sale_count,
        net_amount,
        case when is_purchase then event_date end as sale_date
    from {{ ref('fct_customer_behavior') }}
    where currency is not null and event_date > {{ business_date() }} - {{ var('rfm_nights') }} - 364

    union all

    select
        customer_id,
        currency,
        event_date + 365 as night,
        -is_purchase::integer as sale_count,
        -net_amount as net_amount,
        null as sale_date
    from {{ ref('fct_customer_behavior') }}
    where
        currency is not null
        and event_date > {{ business_date() }} - {{ var('rfm_nights') }} - 364
        and event_date + 365 <= {{ business_date() }}

),

change as (

    select
        customer_id,
        currency,
        night,
        sum(sale_count) as sale_count,
        sum(net_amount) as net_amount,
        max(sale_date) as sale_date
    from delta
    group by customer_id, currency, night

),

figure as (

    select
        currency,
        night as first_night,
        lead(night, 1, {{ business_date() }} + 1) over customer_nights - 1 as last_night,
        (sum(sale_count) over customer_nights)::bigint as frequency,
        (sum(net_amount) over customer_nights)::numeric(38, 2) as monetary_amount,
        max(sale_date) over customer_nights as last_sale_date
    from change
    window customer_nights as (partition by customer_id, currency order by night)

),

cut as (

    select
        night.day::date as night,
        figure.currency,
        count(*) as customer_count,
        percentile_disc(array[0.2, 0.4, 0.6, 0.8]) within group (order by figure.last_sale_date) as recency,
        percentile_disc(array[0.2, 0.4, 0.6, 0.8]) within group (order by figure.frequency) as frequency,
        percentile_disc(array[0.2, 0.4, 0.6, 0.8]) within group (order by figure.monetary_amount) as monetary
    from
        generate_series(
            ({{ business_date() }} - {{ var('rfm_nights') }} + 1)::timestamp, {{ business_date() }}::timestamp, '1 day'
        ) as night (day)
    inner join figure on night.day between figure.first_night and figure.last_night
    where figure.frequency > 0
    group by night.day, figure.currency

)

select
    night,
    currency,
    customer_count,
    {% for name, type in [('recency', 'date'), ('frequency', 'bigint'), ('monetary', 'numeric(38, 2)')] -%}
        {% for percent in [20, 40, 60, 80] -%}
            {{ name }}[{{ loop.index }}]::{{ type }} as {{ name }}_{{ percent }},
        {% endfor -%}
    {% endfor -%}
    {{ business_date() }} as business_date,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from cut
