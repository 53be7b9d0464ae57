{{ config(
    unique_key=['sold_date', 'customer_key'],
    incremental_strategy='delete+insert',
    meta={'takes': ['gold.sales_item']},
    indexes=[{'columns': ['_load_id'], 'type': 'brin'}],
) }}

with touched as (

    {{ touched('sales_item', ['customer_key', 'customer_id', 'sold_date']) }}

)

-- Touched keys are computed whole, from all their rows: adding up differences would add up errors.
select
    touched.customer_key,
    touched.customer_id,
    touched.sold_date,
    count(distinct item.sale_id) filter (where not item.is_return) as sale_count,
    count(distinct item.sale_id) filter (where item.is_return) as return_count,
    count(item.sales_item_id) as line_count,
    coalesce(sum(item.quantity), 0)::bigint as quantity,
    coalesce(sum(item.gross_amount), 0)::numeric(38, 2) as gross_amount,
    coalesce(sum(item.discount_amount), 0)::numeric(38, 2) as discount_amount,
    coalesce(sum(item.net_amount), 0)::numeric(38, 2) as net_amount,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from touched
left join {{ ref('sales_item') }} as item
    on
        touched.customer_key = item.customer_key
        and touched.sold_date = item.sold_date
group by touched.sold_date, touched.customer_key, touched.customer_id
