select
    dataset,
    reason,
    field,
    status,
    (first_seen_at at time zone 'UTC')::date as first_seen_date,
    count(*) as record_count
from {{ source('meta', 'rejected_record') }}
group by dataset, reason, field, status, (first_seen_at at time zone 'UTC')::date
