{{ config(indexes=[{'columns': ['customer_id', 'event_at']}]) }}

-- depends_on: {{ ref('dim_customer') }}

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
        {{ figure('margin_amount') }} as margin_amount,
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

-- Up to the business date. The first version of a customer changes nothing.
version as (

    select
        customer_version_key,
        customer_key,
        customer_id,
        valid_from as event_at,
        city,
        segment,
        lag(city) over customer as former_city,
        lag(segment) over customer as former_segment
    from {{ ref('dim_customer_history') }}
    where valid_from < ({{ business_date() }} + 1)::timestamp at time zone 'UTC'
    window customer as (partition by customer_id order by valid_from)

),

-- A version differs from the one before it in some attribute, most often in neither of these two.
change as (

    select
        customer_version_key,
        customer_key,
        customer_id,
        event_at,
        'city_change' as event_type,
        former_city as from_value,
        city as to_value
    from version
    where former_city <> city

    union all

    select
        customer_version_key,
        customer_key,
        customer_id,
        event_at,
        'segment_change' as event_type,
        former_segment as from_value,
        segment as to_value
    from version
    where former_segment <> segment

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
        null as from_value,
        null as to_value,
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
        null as from_value,
        null as to_value,
        null as currency,
        null as net_amount,
        null as margin_amount
    from lapse

    union all

    select
        event_type || '-' || customer_version_key as behavior_id,
        customer_key,
        customer_id,
        event_type,
        false as is_purchase,
        event_at,
        (event_at at time zone 'UTC')::date as event_date,
        null as sale_id,
        null as purchase_number,
        null as days_since_previous_purchase,
        from_value,
        to_value,
        null as currency,
        null as net_amount,
        null as margin_amount
    from change

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
    from_value,
    to_value,
    currency,
    net_amount::numeric(38, 2) as net_amount,
    margin_amount::numeric(38, 2) as margin_amount,
    {{ business_date() }} as business_date,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from event
