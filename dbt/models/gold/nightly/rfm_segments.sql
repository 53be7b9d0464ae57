select
    currency,
    rfm_segment,
    count(*) as customer_count,
    count(*) filter (where is_deleted) as deleted_customer_count,
    sum(frequency)::bigint as sale_count,
    sum(monetary_amount)::numeric(38, 2) as net_amount,
    {{ business_date() }} as business_date,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from {{ ref('mart_customer_rfm') }}
group by currency, rfm_segment
