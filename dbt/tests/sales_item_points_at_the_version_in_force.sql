-- Each line that is new to the tests points to the versions of its customer, product and store that were in force when
-- it was sold.
{{ config(tags=['core']) }}

select
    item.sales_item_id,
    item.sold_at,
    customer.valid_during as customer_valid_during,
    product.valid_during as product_valid_during,
    store.valid_during as store_valid_during
from {{ ref('sales_item') }} as item
left join {{ ref('dim_customer_history') }} as customer
    on item.customer_version_key = customer.customer_version_key and item.customer_key = customer.customer_key
left join {{ ref('dim_product_history') }} as product
    on item.product_version_key = product.product_version_key and item.product_key = product.product_key
left join {{ ref('dim_store_history') }} as store
    on item.store_version_key = store.store_version_key and item.store_key = store.store_key
where
    item._load_id > {{ tested('gold.sales_item') }}
    and (
        customer.valid_during @> item.sold_at and product.valid_during @> item.sold_at
        and store.valid_during @> item.sold_at
    ) is not true
