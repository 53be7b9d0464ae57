select
    top_up_id,
    member_id,
    channel,
    topped_up_at,
    currency,
    amount,
    level
from {{ source('silver', 'top_up') }}
