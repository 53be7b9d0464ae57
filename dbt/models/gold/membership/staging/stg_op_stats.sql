select
    business_date,
    member_id,
    level,
    visits,
    purchases,
    {{ membership_currency() }} as currency,
    spent_amount
from {{ source('silver', 'op_stats') }}
