{{ config(
    unique_key='store_version_key',
    incremental_strategy='history',
    meta={'takes': ['silver.stores_version', 'silver.sales_customer']},
    indexes=[{'columns': ['store_id', 'valid_from'], 'unique': true}, {'columns': ['_load_id'], 'type': 'brin'}],
) }}

with chain as (

    {{ chains('store_id', 'stores_version', named_by='sales_customer', attributes=[
        'name', 'format', 'city', 'region', 'country', 'currency', 'opened_at', 'is_active',
    ]) }}

)

select
    {{ version_key('store') }} as store_version_key,
    {{ surrogate_key('store', 'store_id') }} as store_key,
    store_id,
    coalesce(name, 'Unknown') as store_name,
    coalesce(format, 'unknown') as format,
    coalesce(city, 'Unknown') as city,
    coalesce(region, 'Unknown') as region,
    coalesce(country, '??') as country,
    currency,
    opened_at,
    coalesce(is_active, true) as is_active,
    updated_at,
    valid_from,
    valid_to,
    tstzrange(valid_from, valid_to) as valid_during,
    valid_to = 'infinity' as is_current,
    is_inferred,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from chain
