-- The statements of loaders/rejects.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: find_rejects
select rejected_record_id, dataset, path, line_no, reason, field, raw, status, first_seen_at
from meta.rejected_record
where
    (%(ids)s::bigint[] is null or rejected_record_id = any(%(ids)s::bigint[]))
    and (%(dataset)s::text is null or dataset = %(dataset)s)
    and (%(status)s::text is null or status = %(status)s)
order by rejected_record_id
limit %(limit)s::bigint;

-- name: settle_rejects
update meta.rejected_record
set status = %(status)s, resolved_load_id = %(load_id)s
where rejected_record_id = any(%(ids)s::bigint[]) and status = 'OPEN';
