-- The statements of quality/why/circumstances.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: watermark
-- The watermark of an entity. No row before its first pull.
select cursor_value
from meta.ingestion_state
where entity = %(entity)s and cursor_value is not null;

-- name: repairs
-- Repairs of a sale, and whether Silver has taken them.
select load_id, requested_at, header_load_id is not null and lines_load_id is not null
from meta.sale_repair
where sale_id = %(id)s
order by load_id;

-- name: accepted
-- Accepted differences of a record.
select accepted_at, accepted_by
from meta.accepted_difference
where entity = %(entity)s and record_id = %(id)s
order by accepted_at;

-- name: backfill
-- The range of a backfill that has not come to the id yet.
select from_id, to_id
from meta.backfill_range
where entity = %(entity)s and %(id)s between from_id and to_id and %(id)s > coalesce(cursor_value, from_id - 1);

-- name: nameless
-- Records in quarantine whose id cannot be read, but whose line names it: a line that is no JSON, or an id as text.
select rejected_record_id
from meta.rejected_record
where
    dataset = any(%(datasets)s::text[])
    and (record_key is null or record_key[1] is null)
    and encode(raw, 'escape') ~ %(named)s
order by rejected_record_id;
