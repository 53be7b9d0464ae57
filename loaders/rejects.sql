-- The statements of loaders/rejects.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: find_rejects
-- Records in quarantine, in the order in which they came. A condition that is null is ignored.
select rejected_record_id, dataset, path, line_no, reason, field, raw, status, first_seen_at
from meta.rejected_record
where
    (%(ids)s::bigint[] is null or rejected_record_id = any(%(ids)s::bigint[]))
    and (%(dataset)s::text is null or dataset = %(dataset)s)
    and (%(status)s::text is null or status = %(status)s)
order by rejected_record_id
limit %(limit)s::bigint;

-- name: settle_rejects
-- Close open records. For those that a retry has loaded, note when it accepted them.
update meta.rejected_record
set
    status = %(status)s, resolved_load_id = %(load_id)s,
    accepted_at = case when %(status)s = 'RESOLVED' then clock_timestamp() end
where rejected_record_id = any(%(ids)s::bigint[]) and status = 'OPEN';

-- name: now
-- The time by the warehouse's clock.
select clock_timestamp();

-- name: sales_watermark
-- The watermark of sales. No row before the first pull.
select cursor_value
from meta.ingestion_state
where entity = 'sales' and cursor_value is not null;
