select
    business_date,
    channel,
    {{ membership_currency() }} as currency,
    refund_amount,
    fee_amount,
    chargeback_amount,
    net_amount
from {{ source('silver', 'post_deduction') }}
