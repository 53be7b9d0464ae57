-- Every line that has a header is in the fact, at the amount Silver has, as far as the fact has read. What is new in
-- Silver is new in the fact.
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

),

gold as (

    select
        sale_id,
        line_no,
        net_amount
    from {{ ref('sales_item') }}
    where _load_id > {{ tested('gold.sales_item') }}

)

select
    silver.sale_id,
    silver.line_no,
    silver.net_amount as silver_net_amount,
    gold.net_amount as gold_net_amount
from silver
left join gold on silver.sale_id = gold.sale_id and silver.line_no = gold.line_no
where gold.net_amount is distinct from silver.net_amount
