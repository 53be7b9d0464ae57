select
    mart.sold_date,
    mart.product_id,
    product.product_name,
    product.category,
    product.subcategory,
    product.brand,
    product.is_active,
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
from {{ ref('mart_sales_by_product') }} as mart
left join {{ ref('dim_product') }} as product on mart.product_key = product.product_key
