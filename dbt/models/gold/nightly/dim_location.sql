with place as (

    select
        country,
        region,
        city,
        false as is_of_store
    from {{ ref('dim_customer') }}
    union all
    select
        country,
        region,
        city,
        true as is_of_store
    from {{ ref('dim_store') }}

)

select
    {{ location_key() }} as location_key,
    country,
    region,
    city,
    bool_or(is_of_store) as has_store,
    bool_or(not is_of_store) as has_customer,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from place
group by country, region, city
