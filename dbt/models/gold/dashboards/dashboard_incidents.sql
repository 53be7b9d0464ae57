select
    incident_id,
    dag_id,
    task_id,
    entity,
    status,
    opened_at,
    (opened_at at time zone 'UTC')::date as opened_date,
    last_seen_at,
    closed_at,
    (closed_at is null)::integer as open_count,
    round(extract(epoch from coalesce(closed_at, now()) - opened_at) / 3600, 2) as hours_open,
    times as failure_count,
    cause,
    remedy
from {{ source('meta', 'incident') }}
