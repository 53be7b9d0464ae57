-- The statements of loaders/superseding.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: resolve_replaced
-- Resolve the quarantined rows of files that a later one has replaced.
update meta.rejected_record
set status = 'RESOLVED', resolved_load_id = %(load_id)s
where path = any(%(paths)s) and status = 'OPEN';

-- name: resolve_accepted
-- Resolve the lines of a file that today's rules let in.
update meta.rejected_record
set status = 'RESOLVED', resolved_load_id = %(load_id)s
where path = %(path)s and status = 'OPEN' and line_no <> all(%(rejected)s::bigint[]);

-- name: replaces
-- Whether a delivery would replace one of its period that is loaded.
select this.delivery_id
from meta.delivery as this
inner join meta.delivery as other on this.entity = other.entity and this.period = other.period
where this.delivery_id = %(delivery_id)s and other.status = 'LOADED' and other.delivery_id < this.delivery_id
limit 1;
