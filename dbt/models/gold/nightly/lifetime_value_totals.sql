select
    currency,
    count(*) as customer_count,
    sum(net_amount)::numeric(38, 2) as net_amount,
    sum(margin_amount)::numeric(38, 2) as margin_amount,
    sum(expected_margin_amount)::numeric(38, 2) as expected_margin_amount,
    any_value(expected_from) as expected_from,
    any_value(expected_until) as expected_until,
    {{ business_date() }} as business_date,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from {{ ref('mart_customer_lifetime_value') }}
group by currency
