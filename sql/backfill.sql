-- The statements of loaders/backfill.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: has_ranges
select to_regclass('meta.sales_backfill') is not null;

-- name: add_ranges
insert into meta.sales_backfill (from_id, to_id)
select from_id, to_id
from unnest(%(first)s::bigint[], %(last)s::bigint[]) as planned (from_id, to_id);

-- name: open_ranges
select from_id, to_id
from meta.sales_backfill
where finished_at is null
order by from_id;

-- name: claim_range
-- Whoever had the range before has died: its load is closed.
with before as (
    select load_id
    from meta.sales_backfill
    where from_id = %(first)s
),

closed as (
    update meta.load
    set
        status = 'FAILED', ended_at = clock_timestamp(),
        error_message = 'the process ended before the load did; nothing after its last commit was kept'
    where load_id = (select before.load_id from before) and status = 'RUNNING'
)

update meta.sales_backfill
set epoch = epoch + 1, load_id = %(load_id)s, cursor_taken = coalesce(cursor_value, from_id - 1)
where from_id = %(first)s and finished_at is null
returning to_id, cursor_value, epoch;

-- name: advance_range
update meta.sales_backfill
set cursor_value = %(cursor)s
where from_id = %(first)s and epoch = %(epoch)s and finished_at is null
returning cursor_value;

-- name: finish_range
update meta.sales_backfill
set finished_at = clock_timestamp()
where from_id = %(first)s and epoch = %(epoch)s and finished_at is null
returning finished_at;

-- name: hold_watermark
-- Two that finish at once must see each other: the second waits here until the first has committed.
select cursor_value
from meta.ingestion_state
where entity = 'sales'
for update;

-- name: pass_finished
-- Behind the last sale that was seen in the ranges before the first one unfinished.
update meta.ingestion_state
set cursor_value = reached.cursor_value::text, load_id = %(load_id)s, updated_at = clock_timestamp()
from (
    select max(cursor_value) as cursor_value
    from meta.sales_backfill
    where from_id < coalesce(
        (select min(from_id) from meta.sales_backfill where finished_at is null), 9223372036854775807
    )
) as reached
where
    entity = 'sales'
    and reached.cursor_value > coalesce(ingestion_state.cursor_value::bigint, 0);

-- name: forget_finished
delete from meta.sales_backfill
where not exists (select from meta.sales_backfill where finished_at is null);

-- name: progress
-- Who is at work holds the lock of a range. Ids per second: of those; null while none is.
with held as (
    select lock.objid::bigint as name
    from pg_locks as lock
    where
        lock.locktype = 'advisory'
        and lock.granted
        and lock.database = (select oid from pg_database where datname = current_database())
        and lock.classid::bigint = hashtext('retail.bronze')::bigint & 4294967295
),

position as (
    select
        *,
        case when finished_at is null then coalesce(cursor_value, from_id - 1) else to_id end as reached,
        finished_at is null
        and (hashtext('sales from ' || from_id)::bigint & 4294967295) in (select held.name from held) as is_held
    from meta.sales_backfill
)

select
    count(*) as ranges,
    count(position.finished_at) as finished,
    coalesce(sum(position.to_id - position.from_id + 1), 0)::bigint as ids,
    coalesce(sum(position.reached - position.from_id + 1), 0)::bigint as ids_done,
    count(*) filter (where position.is_held) as at_work,
    (
        sum((position.reached - position.cursor_taken) / extract(epoch from clock_timestamp() - load.started_at))
            filter (where position.is_held and load.status = 'RUNNING')
    )::float8 as ids_per_second
from position
left join meta.load on position.load_id = load.load_id;
