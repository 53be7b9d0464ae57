{{ config(
    unique_key='store_id',
    incremental_strategy='merge',
    meta={'takes': ['silver.stores', 'silver.sales_customer']},
    indexes=[{'columns': ['store_id'], 'unique': true}, {'columns': ['_load_id'], 'type': 'brin'}],
) }}

with member as (

    {{ members('store_id', 'stores', named_by='sales_customer') }}

)

select
    {{ surrogate_key('store', 'store_id') }} as store_key,
    store_id,
    coalesce(name, 'Unknown') as store_name,
    coalesce(format, 'unknown') as format,
    coalesce(city, 'Unknown') as city,
    coalesce(region, 'Unknown') as region,
    coalesce(country, '??') as country,
    {{ location_key(
        "coalesce(country, '??')", "coalesce(region, 'Unknown')", "coalesce(city, 'Unknown')"
    ) }} as location_key,
    currency,
    opened_at,
    coalesce(is_active, true) as is_active,
    updated_at,
    is_inferred,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from member
