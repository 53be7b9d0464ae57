-- The statements of loaders/superseding.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: resolve_replaced
-- Resolve the quarantined rows of files that a later one has replaced.
update meta.rejected_record
set status = 'RESOLVED', resolved_load_id = %(load_id)s
where path = any(%(paths)s) and status = 'OPEN';
