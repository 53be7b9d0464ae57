{{ config(
    unique_key='product_version_key',
    incremental_strategy='history',
    meta={'takes': ['silver.products_version', 'silver.sales_product']},
    indexes=[{'columns': ['product_id', 'valid_from'], 'unique': true}, {'columns': ['_load_id'], 'type': 'brin'}],
) }}

with chain as (

    {{ chains('product_id', 'products_version', named_by='sales_product', attributes=[
        'sku', 'name', 'category', 'subcategory', 'brand', 'unit_price', 'unit_cost', 'currency', 'is_active',
    ]) }}

)

select
    {{ version_key('product') }} as product_version_key,
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
    valid_from,
    valid_to,
    tstzrange(valid_from, valid_to) as valid_during,
    valid_to = 'infinity' as is_current,
    is_inferred,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from chain
