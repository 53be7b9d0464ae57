{{ config(
    unique_key='customer_id',
    incremental_strategy='merge',
    meta={'takes': ['silver.customers', 'silver.sales_customer']},
    indexes=[{'columns': ['customer_id'], 'unique': true}, {'columns': ['_load_id'], 'type': 'brin'}],
) }}

with member as (

    {{ members('customer_id', 'customers', named_by='sales_customer') }}

)

select
    {{ surrogate_key('customer', 'customer_id') }} as customer_key,
    customer_id,
    first_name,
    last_name,
    email,
    phone,
    coalesce(city, 'Unknown') as city,
    coalesce(region, 'Unknown') as region,
    coalesce(country, '??') as country,
    {{ location_key(
        "coalesce(country, '??')", "coalesce(region, 'Unknown')", "coalesce(city, 'Unknown')"
    ) }} as location_key,
    coalesce(segment, 'unknown') as segment,
    signed_up_at,
    updated_at,
    coalesce(is_deleted, false) as is_deleted,
    is_inferred,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from member
