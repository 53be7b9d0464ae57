-- Every line that has a header is in the fact, at the amount Silver has, as far as the fact has read.
{{ config(tags=['core']) }}

with silver as (

    select
        line.sale_id,
        line.line_no,
        line.quantity * line.unit_price - line.discount as net_amount
    from {{ source('silver', 'sales_product') }} as line
    inner join {{ source('silver', 'sales_customer') }} as header on line.sale_id = header.sale_id
    where
        line._load_id <= meta.taken('sales_item', 'silver.sales_product')
        and header._load_id <= meta.taken('sales_item', 'silver.sales_customer')
        and line._load_id > {{ tested('silver.sales_product') }}

)

select
    silver.sale_id,
    silver.line_no,
    silver.net_amount as silver_net_amount,
    item.net_amount as gold_net_amount
from silver
-- By the key: an hour is a few probes of its index, whatever the planner takes the hour to be.
left join {{ ref('sales_item') }} as item
    on
        silver.sale_id || '-' || silver.line_no = item.sales_item_id
where item.net_amount is distinct from silver.net_amount
