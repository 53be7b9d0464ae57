{{ config(
    unique_key='customer_version_key',
    incremental_strategy='history',
    meta={'takes': ['silver.customers_version', 'silver.sales_customer']},
    indexes=[{'columns': ['customer_id', 'valid_from'], 'unique': true}, {'columns': ['_load_id'], 'type': 'brin'}],
) }}

with chain as (

    {{ chains('customer_id', 'customers_version', named_by='sales_customer', attributes=[
        'first_name', 'last_name', 'email', 'phone', 'city', 'region', 'country', 'segment', 'signed_up_at',
        'is_deleted',
    ]) }}

)

select
    {{ version_key('customer') }} as customer_version_key,
    {{ surrogate_key('customer', 'customer_id') }} as customer_key,
    customer_id,
    first_name,
    last_name,
    email,
    phone,
    coalesce(city, 'Unknown') as city,
    coalesce(region, 'Unknown') as region,
    coalesce(country, '??') as country,
    coalesce(segment, 'unknown') as segment,
    signed_up_at,
    updated_at,
    valid_from,
    valid_to,
    tstzrange(valid_from, valid_to) as valid_during,
    valid_to = 'infinity' as is_current,
    coalesce(is_deleted, false) as is_deleted,
    is_inferred,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from chain
