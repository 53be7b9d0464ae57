select
    load_id,
    run_id,
    layer,
    dataset,
    status,
    started_at,
    ended_at,
    (started_at at time zone 'UTC')::date as load_date,
    round(extract(epoch from ended_at - started_at), 3) as duration_seconds,
    rows_read,
    rows_inserted,
    rows_updated,
    rows_rejected,
    (status = 'FAILED')::integer as failed_count,
    error_type
from {{ source('meta', 'load') }}
