select
    worth.customer_id,
    customer.city,
    customer.country,
    customer.segment as customer_segment,
    worth.is_deleted,
    worth.currency,
    rfm.rfm_segment,
    rfm.recency_score,
    rfm.frequency_score,
    rfm.monetary_score,
    rfm.frequency,
    rfm.monetary_amount,
    worth.first_sale_date as first_purchase_date,
    worth.last_sale_date as last_purchase_date,
    worth.cohort_month,
    worth.sale_count as purchase_count,
    worth.return_count,
    worth.net_amount,
    worth.margin_amount,
    worth.expected_margin_amount,
    worth.business_date
from {{ ref('mart_customer_lifetime_value') }} as worth
left join {{ ref('mart_customer_rfm') }} as rfm
    on worth.currency = rfm.currency and worth.customer_key = rfm.customer_key
left join {{ ref('dim_customer') }} as customer on worth.customer_key = customer.customer_key
