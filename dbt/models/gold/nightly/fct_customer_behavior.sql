{{ config(indexes=[{'columns': ['customer_id', 'event_at']}]) }}

{% set lapse_days = var('customer_lapse_days') -%}

-- A sale with lines of both kinds is a purchase and a return. The grouping and the windows need the same order, so the
-- lines are sorted once.
with placed as (

    select
        customer_id,
        sold_at as event_at,
        sale_id,
        is_return,
        customer_key,
        sold_date as event_date,
        currency,
        {{ figure('net_amount') }} as net_amount,
        {{ margin_of_lines() }} as margin_amount,
        count(*) filter (where not is_return) over so_far as purchase_number,
        count(*) filter (where not is_return) over customer as purchase_count,
        max(sold_date) filter (where not is_return) over before as previous_purchase_date
    from {{ ref('sales_item') }}
    where sold_date <= {{ business_date() }}
    group by customer_id, sold_at, sale_id, is_return, customer_key, sold_date, currency
    window
        customer as (partition by customer_id),
        so_far as (
            partition by customer_id order by sold_at, sale_id, is_return
            rows between unbounded preceding and current row
        ),
        before as (
            partition by customer_id order by sold_at, sale_id, is_return
            rows between unbounded preceding and 1 preceding
        )

),

-- A customer has lapsed before a purchase that came too late, and after the last purchase.
lapse as (

    select
        customer_key,
        customer_id,
        previous_purchase_date + {{ lapse_days }} as event_date
    from placed
    where not is_return and event_date - previous_purchase_date > {{ lapse_days }}

    union all

    select
        customer_key,
        customer_id,
        event_date + {{ lapse_days }} as event_date
    from placed
    where
        not is_return
        and purchase_number = purchase_count
        and event_date + {{ lapse_days }} <= {{ business_date() }}

),

event as (

    select
        case when is_return then 'return-' else 'purchase-' end || sale_id as behavior_id,
        customer_key,
        customer_id,
        case
            when is_return then 'return'
            when purchase_number = 1 then 'first_purchase'
            when event_date - previous_purchase_date > {{ lapse_days }} then 'win_back'
            else 'repeat_purchase'
        end as event_type,
        not is_return as is_purchase,
        event_at,
        event_date,
        sale_id,
        case when not is_return then purchase_number end as purchase_number,
        event_date - previous_purchase_date as days_since_previous_purchase,
        currency,
        net_amount,
        margin_amount
    from placed

    union all

    select
        'lapse-' || customer_id || '-' || event_date as behavior_id,
        customer_key,
        customer_id,
        'lapse' as event_type,
        false as is_purchase,
        event_date::timestamp at time zone 'UTC' as event_at,
        event_date,
        null as sale_id,
        null as purchase_number,
        {{ lapse_days }} as days_since_previous_purchase,
        null as currency,
        null as net_amount,
        null as margin_amount
    from lapse

)

select
    behavior_id,
    customer_key,
    customer_id,
    event_type,
    is_purchase,
    event_at,
    event_date,
    sale_id,
    purchase_number,
    days_since_previous_purchase,
    currency,
    net_amount::numeric(38, 2) as net_amount,
    margin_amount::numeric(38, 2) as margin_amount,
    {{ business_date() }} as business_date,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from event
