with customer as (

    select distinct
        country,
        region,
        city
    from {{ ref('dim_customer') }}

)

select
    {{ location_key() }} as location_key,
    country,
    region,
    city,
    true as has_customer,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from customer
