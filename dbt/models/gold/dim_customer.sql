{{ config(
    tags=['core'],
    unique_key='customer_id',
    incremental_strategy='merge',
    meta={'takes': ['silver.customers', 'silver.sales_customer']},
    indexes=[{'columns': ['customer_id'], 'unique': true}, {'columns': ['_load_id'], 'type': 'brin'}],
) }}

with arrived as (

    select *
    from {{ source('silver', 'customers') }}
    where
        {{ is_new('silver.customers') }}

),

named as (

    select distinct customer_id
    from {{ source('silver', 'sales_customer') }}
    where
        {{ is_new('silver.sales_customer') }}

),

-- Two probes by key for each name: an hour's names are few, and the tables grow with history.
inferred as (

    select named.customer_id
    from named
    where
        not exists (
            select 1
            from {{ source('silver', 'customers') }} as arrived_before
            where
                arrived_before.customer_id = named.customer_id
                and {{ is_visible('silver.customers') }}
        )
        {% if is_incremental() %}
            and not exists (select 1 from {{ this }} as built where built.customer_id = named.customer_id)
        {% endif %}

),

final as (

    select
        customer_id,
        first_name,
        last_name,
        email,
        phone,
        city,
        region,
        country,
        segment,
        signed_up_at,
        updated_at,
        is_deleted,
        false as is_inferred
    from arrived

    union all

    select
        customer_id,
        null as first_name,
        null as last_name,
        null as email,
        null as phone,
        'Unknown' as city,
        'Unknown' as region,
        '??' as country,
        'unknown' as segment,
        null as signed_up_at,
        null as updated_at,
        false as is_deleted,
        true as is_inferred
    from inferred

)

select
    {{ surrogate_key('customer', 'customer_id') }} as customer_key,
    customer_id,
    first_name,
    last_name,
    email,
    phone,
    city,
    region,
    country,
    segment,
    signed_up_at,
    updated_at,
    is_deleted,
    is_inferred,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from final
