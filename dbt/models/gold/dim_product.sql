{{ config(
    tags=['core'],
    unique_key='product_id',
    incremental_strategy='merge',
    meta={'takes': ['silver.products', 'silver.sales_product']},
    indexes=[{'columns': ['product_id'], 'unique': true}, {'columns': ['_load_id'], 'type': 'brin'}],
) }}

with arrived as (

    select *
    from {{ source('silver', 'products') }}
    where
        {{ is_new('silver.products') }}

),

named as (

    select distinct product_id
    from {{ source('silver', 'sales_product') }}
    where
        {{ is_new('silver.sales_product') }}

),

-- Two probes by key for each name: an hour's names are few, and the tables grow with history.
inferred as (

    select named.product_id
    from named
    where
        not exists (
            select 1
            from {{ source('silver', 'products') }} as arrived_before
            where
                arrived_before.product_id = named.product_id
                and {{ is_visible('silver.products') }}
        )
        {% if is_incremental() %}
            and not exists (select 1 from {{ this }} as built where built.product_id = named.product_id)
        {% endif %}

),

final as (

    select
        product_id,
        sku,
        name as product_name,
        category,
        subcategory,
        brand,
        unit_price,
        unit_cost,
        currency,
        is_active,
        updated_at,
        false as is_inferred
    from arrived

    union all

    select
        product_id,
        null as sku,
        'Unknown' as product_name,
        'Unknown' as category,
        'Unknown' as subcategory,
        'Unknown' as brand,
        null::numeric(12, 2) as unit_price,
        null::numeric(12, 2) as unit_cost,
        null as currency,
        true as is_active,
        null as updated_at,
        true as is_inferred
    from inferred

)

select
    {{ surrogate_key('product', 'product_id') }} as product_key,
    product_id,
    sku,
    product_name,
    category,
    subcategory,
    brand,
    unit_price,
    unit_cost,
    currency,
    is_active,
    updated_at,
    is_inferred,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from final
