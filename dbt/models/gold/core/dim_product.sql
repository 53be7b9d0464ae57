{{ config(
    unique_key='product_id',
    incremental_strategy='merge',
    meta={'takes': ['silver.products', 'silver.sales_product']},
    indexes=[{'columns': ['product_id'], 'unique': true}, {'columns': ['_load_id'], 'type': 'brin'}],
) }}

with member as (

    {{ members('product_id', 'products', named_by='sales_product') }}

)

select
    {{ surrogate_key('product', 'product_id') }} as product_key,
    product_id,
    sku,
    coalesce(name, 'Unknown') as product_name,
    coalesce(category, 'Unknown') as category,
    coalesce(subcategory, 'Unknown') as subcategory,
    coalesce(brand, 'Unknown') as brand,
    unit_price,
    unit_cost,
    currency,
    coalesce(is_active, true) as is_active,
    updated_at,
    is_inferred,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from member
