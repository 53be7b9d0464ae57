-- The statements of medallion/state/gaps.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: open_gaps
-- Open gaps of every entity.
select from_id, to_id
from meta.gap
where status = 'OPEN'
order by entity, from_id;

-- name: gaps_to_ask
-- All ranges of ids that have not landed, from the first open gap to the last.
select from_id, to_id, known, known_ids, status,
    clock_timestamp() - last_checked_at as since_checked, clock_timestamp() - first_seen_at as age
from meta.gap
where
    entity = %(entity)s
    and status <> 'FILLED'
    and from_id >= (select min(from_id) from meta.gap where entity = %(entity)s and status = 'OPEN')
    and from_id <= (select max(from_id) from meta.gap where entity = %(entity)s and status = 'OPEN')
order by from_id;

-- name: gaps_between
-- Gaps that overlap a range of ids, of any status.
select from_id, to_id, known, known_ids, status,
    clock_timestamp() - last_checked_at as since_checked, clock_timestamp() - first_seen_at as age
from meta.gap
where
    entity = %(entity)s
    and int8range(from_id, to_id, '[]') && int8range(%(first)s::bigint, %(last)s::bigint, '[]')
order by from_id;

-- name: add_gaps
-- Keep the ranges of ids that a pull has passed over.
insert into meta.gap (entity, from_id, to_id, known, known_ids, status)
select
    %(entity)s,
    from_id,
    to_id,
    known,
    known_ids,
    %(status)s
from unnest(%(first)s::bigint[], %(last)s::bigint[], %(known)s::bigint[], %(known_ids)s::bytea[])
    as added (from_id, to_id, known, known_ids)
on conflict do nothing;

-- name: withdraw
-- Note that the source no longer has the records that once filled a gap.
update meta.gap
set status = 'WITHDRAWN'
where entity = %(entity)s and from_id = any(%(from_ids)s::bigint[]) and status = 'FILLED';

-- name: set_known
-- Note which ids of a gap have landed. A new id restarts the gap's age.
update meta.gap
set
    known = %(known)s, known_ids = %(known_ids)s, last_checked_at = clock_timestamp(),
    first_seen_at = case when %(known)s > known then clock_timestamp() else first_seen_at end
where entity = %(entity)s and from_id = %(from_id)s;

-- name: close_gap
-- Delete a gap, to replace it by its pieces.
delete from meta.gap
where entity = %(entity)s and from_id = %(from_id)s
returning first_seen_at, status;

-- name: add_gap_pieces
-- Replace a divided gap by its pieces.
insert into meta.gap (entity, from_id, to_id, status, first_seen_at, last_checked_at)
select
    %(entity)s, from_id, to_id, %(status)s, coalesce(%(first_seen_at)s, clock_timestamp()), clock_timestamp()
from unnest(%(first)s::bigint[], %(last)s::bigint[]) as piece (from_id, to_id);

-- name: mark_gaps_checked
-- Note that open gaps were asked for.
update meta.gap
set last_checked_at = clock_timestamp()
where
    entity = %(entity)s
    and status = 'OPEN'
    and (%(from_ids)s::bigint[] is null or from_id = any(%(from_ids)s::bigint[]));

-- name: forget_gaps
-- Delete gaps that were filled long ago, and expired ranges with landed records in them, so that storage stays bounded.
-- Expired gaps without any record stay countable.
delete from meta.gap
where
    entity = %(entity)s
    and (status = 'FILLED' or (status = 'EXPIRED' and known > 0))
    and last_checked_at < clock_timestamp() - interval '30 days';

-- name: expiring_gaps
-- Gaps that have been open for longer than that: the listing is asked again before they expire.
select from_id, to_id, known, known_ids, status,
    clock_timestamp() - last_checked_at as since_checked, clock_timestamp() - first_seen_at as age
from meta.gap
where
    entity = %(entity)s
    and status = 'OPEN'
    and first_seen_at < clock_timestamp() - %(hours)s * interval '1 hour'
order by from_id
limit %(most)s;

-- name: expire_gaps
-- Expire open gaps, only those that were asked for after their time was over: a long outage expires no gap unasked.
with expired as (
    update meta.gap
    set status = 'EXPIRED', known_ids = null
    where
        entity = %(entity)s
        and status = 'OPEN'
        and first_seen_at < clock_timestamp() - %(hours)s * interval '1 hour'
        and last_checked_at >= first_seen_at + %(hours)s * interval '1 hour'
        and (%(from_ids)s::bigint[] is null or from_id = any(%(from_ids)s::bigint[]))
    returning case when known = 0 then to_id - from_id + 1 else 0 end as ids
)

select coalesce(sum(ids), 0)::bigint
from expired;
