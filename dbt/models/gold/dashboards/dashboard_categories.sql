select
    mart.sold_date,
    mart.store_id,
    store.store_name,
    store.format as store_format,
    store.city,
    store.country,
    mart.channel,
    mart.category,
    mart.currency,
    mart.line_count,
    mart.quantity,
    mart.returned_quantity,
    mart.gross_amount,
    mart.discount_amount,
    mart.net_amount,
    mart.returned_amount,
    mart.cost_amount,
    mart.costed_net_amount,
    mart.margin_amount
from {{ ref('mart_sales_by_category') }} as mart
left join {{ ref('dim_store') }} as store on mart.store_id = store.store_id
