-- The statements of medallion/state/backfill_ranges.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: has_ranges
-- Whether the schema has a table of backfill ranges.
select to_regclass('meta.backfill_range') is not null;

-- name: add_ranges
-- Plan the ranges of a backfill.
insert into meta.backfill_range (entity, from_id, to_id)
select
    %(entity)s,
    from_id,
    to_id
from unnest(%(first)s::bigint[], %(last)s::bigint[]) as planned (from_id, to_id);

-- name: open_ranges
-- Ranges that are not finished.
select from_id, to_id
from meta.backfill_range
where entity = %(entity)s and finished_at is null
order by from_id;

-- name: claim_range
-- Take a range under a new epoch. The process that had the range before has died: its load is closed.
with before as (
    select load_id
    from meta.backfill_range
    where entity = %(entity)s and from_id = %(first)s
),

closed as (
    update meta.load
    set
        status = 'FAILED', ended_at = clock_timestamp(),
        error_message = 'the process ended before the load did; nothing after its last commit was kept'
    where load_id = (select before.load_id from before) and status = 'RUNNING'
)

update meta.backfill_range
set
    epoch = epoch + 1, load_id = %(load_id)s, cursor_taken = coalesce(cursor_value, from_id - 1),
    advanced_at = clock_timestamp()
where entity = %(entity)s and from_id = %(first)s and finished_at is null
returning to_id, cursor_value, epoch;

-- name: advance_range
-- Move the position of a range. No row on a stale epoch.
update meta.backfill_range
set cursor_value = %(cursor)s, advanced_at = clock_timestamp()
where entity = %(entity)s and from_id = %(first)s and epoch = %(epoch)s and finished_at is null
returning cursor_value;

-- name: finish_range
-- Close a range. No row on a stale epoch.
update meta.backfill_range
set finished_at = clock_timestamp()
where entity = %(entity)s and from_id = %(first)s and epoch = %(epoch)s and finished_at is null
returning finished_at;

-- name: hold_watermark
-- Lock the watermark. Two processes that finish at once must see each other: the second waits here until the first has
-- committed.
select cursor_value
from meta.ingestion_state
where entity = %(entity)s
for update;

-- name: pass_finished
-- Move the watermark to the last record of the ranges before the first unfinished range.
update meta.ingestion_state
set cursor_value = reached.cursor_value::text, load_id = %(load_id)s, updated_at = clock_timestamp()
from (
    select max(cursor_value) as cursor_value
    from meta.backfill_range
    where
        entity = %(entity)s
        and from_id < coalesce(
            (select min(from_id) from meta.backfill_range where entity = %(entity)s and finished_at is null),
            9223372036854775807
        )
) as reached
where
    entity = %(entity)s
    and reached.cursor_value > coalesce(ingestion_state.cursor_value::bigint, 0);

-- name: forget_finished
-- Delete the ranges of a backfill once all are finished.
delete from meta.backfill_range
where
    entity = %(entity)s
    and not exists (select from meta.backfill_range where entity = %(entity)s and finished_at is null);

-- name: progress
-- Progress and speed of a backfill. A range is being worked on while a session holds its lock (named in
-- medallion/state/locks.py). The ids per second are of these ranges; null while there are none.
with position as (
    select
        range.*,
        case when finished_at is null then coalesce(cursor_value, from_id - 1) else to_id end as reached,
        finished_at is null and holder.pid is not null as is_held
    from meta.backfill_range as range
    left join unnest(%(first)s::bigint[], %(spaces)s::text[], %(names)s::text[])
        as named (from_id, space, name) using (from_id)
    left join meta.vw_lock_holder as holder on holder.space = named.space and holder.name = named.name
    where range.entity = %(entity)s
)

select
    count(*) as ranges,
    count(position.finished_at) as finished,
    coalesce(sum(position.to_id - position.from_id + 1), 0)::bigint as ids,
    coalesce(sum(position.reached - position.from_id + 1), 0)::bigint as ids_done,
    count(*) filter (where position.is_held) as at_work,
    (
        -- a load with a start in the future, as the clock was set back since, has no speed
        sum(
            (position.reached - position.cursor_taken)
            / nullif(greatest(extract(epoch from clock_timestamp() - load.started_at), 0), 0)
        )
            filter (where position.is_held and load.status = 'RUNNING')
    )::float8 as ids_per_second
from position
left join meta.load on position.load_id = load.load_id;

-- name: stalled_ranges
-- Ranges that a session holds and has not moved for that many minutes, by the warehouse's clock.
select
    range.from_id,
    range.to_id,
    range.advanced_at::timestamptz(0)::text as advanced_at,
    format('pid %%s (%%s)', holder.pid, holder.application_name) as holder
from meta.backfill_range as range
inner join unnest(%(first)s::bigint[], %(spaces)s::text[], %(names)s::text[])
    as named (from_id, space, name) using (from_id)
inner join meta.vw_lock_holder as holder on holder.space = named.space and holder.name = named.name
where
    range.entity = %(entity)s
    and range.finished_at is null
    and range.advanced_at < clock_timestamp() - make_interval(secs => 60 * %(minutes)s)
order by range.from_id;
