select
    business_date,
    channel,
    {{ membership_currency() }} as currency,
    spend_count,
    gross_amount
from {{ source('silver', 'pre_deduction') }}
