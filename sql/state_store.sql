-- The statements of loaders/state_store.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: try_lock
select pg_try_advisory_lock(hashtext(%(space)s), hashtext(%(name)s));

-- name: try_share
select pg_try_advisory_lock_shared(hashtext(%(space)s), hashtext(%(name)s));

-- name: lock_holder
-- Since when, a session of another role is not told.
select format('pid %%s (%%s)%%s', activity.pid, activity.application_name, ' since ' || activity.backend_start)
from pg_locks as lock
inner join pg_stat_activity as activity on activity.pid = lock.pid
where
    lock.locktype = 'advisory'
    and lock.granted
    and lock.database = (select oid from pg_database where datname = current_database())
    and lock.classid::bigint = hashtext(%(space)s)::bigint & 4294967295
    and lock.objid::bigint = hashtext(%(name)s)::bigint & 4294967295;

-- name: unlock
select pg_advisory_unlock(hashtext(%(space)s), hashtext(%(name)s));

-- name: unshare
select pg_advisory_unlock_shared(hashtext(%(space)s), hashtext(%(name)s));

-- name: claim_entity
update meta.ingestion_state
set epoch = epoch + 1
where entity = %(entity)s
returning cursor_value, epoch;

-- name: advance_watermark
update meta.ingestion_state
set cursor_value = %(cursor_value)s, load_id = %(load_id)s, updated_at = clock_timestamp()
where entity = %(entity)s and epoch = %(epoch)s
returning cursor_value;

-- name: open_load
insert into meta.load (run_id, layer, dataset)
values (%(run_id)s, %(layer)s, %(dataset)s)
returning load_id;

-- name: abandon_loads
update meta.load
set
    status = 'FAILED', ended_at = clock_timestamp(),
    error_message = 'the process ended before the load did; nothing after its last commit was kept'
where layer = %(layer)s and dataset = %(dataset)s and status = 'RUNNING'
returning load_id;

-- name: add_to_load
update meta.load
set rows_read = rows_read + %(records)s, rows_inserted = rows_inserted + %(records)s, bytes = bytes + %(bytes)s
where load_id = %(load_id)s;

-- name: close_load
update meta.load
set
    status = 'SUCCESS', ended_at = clock_timestamp(),
    rows_read = %(rows_read)s, rows_inserted = %(rows_inserted)s, rows_updated = %(rows_updated)s,
    rows_unchanged = %(rows_unchanged)s, rows_superseded = %(rows_superseded)s,
    rows_rejected = %(rows_rejected)s, bytes = %(bytes)s
where load_id = %(load_id)s and status = 'RUNNING';

-- name: succeed_load
update meta.load
set status = 'SUCCESS', ended_at = clock_timestamp()
where load_id = %(load_id)s and status = 'RUNNING';

-- name: fail_load
update meta.load
set status = 'FAILED', ended_at = clock_timestamp(), error_message = %(error_message)s
where load_id = %(load_id)s and status = 'RUNNING';

-- name: log_failure
insert into meta.load (run_id, layer, dataset, status, ended_at, error_message)
values (%(run_id)s, %(layer)s, %(dataset)s, 'FAILED', clock_timestamp(), %(error_message)s);

-- name: add_receipt
insert into meta.bronze_file
(path, dataset, load_id, part, records, bytes, sha256, cursor_after, cursor_through)
values (
    %(path)s, %(dataset)s, %(load_id)s, %(part)s, %(records)s, %(bytes)s, %(sha256)s,
    %(cursor_after)s, %(cursor_through)s
);

-- name: unloaded_files
select path, dataset, load_id, part, records, bytes, sha256, cursor_after, cursor_through
from meta.bronze_file
where dataset = %(dataset)s and silver_load_id is null and retired_at is null
order by load_id, part;

-- name: mark_loaded
update meta.bronze_file
set silver_load_id = %(load_id)s
where path = %(path)s and silver_load_id is null;

-- name: reject_record
insert into meta.rejected_record (dataset, path, line_no, reason, field, raw)
values (%(dataset)s, %(path)s, %(line_no)s, %(reason)s, %(field)s, %(raw)s)
on conflict (path, line_no) do update set reason = excluded.reason, field = excluded.field;

-- name: receipts
select path, dataset, load_id, part, records, bytes, sha256, cursor_after, cursor_through
from meta.bronze_file
where retired_at is null and expired_at is null
order by load_id, part, dataset;

-- name: retire_file
-- Only behind a whole pull from the beginning that came later and ended well: it has landed every record again.
update meta.bronze_file as damaged
set retired_at = clock_timestamp()
where
    damaged.path = %(path)s
    and exists (
        select from meta.bronze_file as again
        inner join meta.load on again.load_id = load.load_id
        where
            again.dataset = damaged.dataset
            and again.load_id > damaged.load_id
            and again.cursor_after is null
            and load.status = 'SUCCESS'
    )
returning damaged.path;

-- name: add_gaps
-- Of each range what no known gap covers yet, whatever became of that one.
insert into meta.sales_gap (from_id, to_id)
select lower(piece), upper(piece) - 1
from unnest(%(first)s::bigint[], %(last)s::bigint[]) as passed_over (from_id, to_id)
cross join lateral unnest(
    int8multirange(int8range(passed_over.from_id, passed_over.to_id, '[]'))
    - coalesce((
        select range_agg(int8range(known.from_id, known.to_id, '[]'))
        from meta.sales_gap as known
        where
            int8range(known.from_id, known.to_id, '[]')
            && int8range(passed_over.from_id, passed_over.to_id, '[]')
    ), '{}'::int8multirange)
) as piece
on conflict do nothing;

-- name: expire_gaps
with expired as (
    update meta.sales_gap
    set status = 'EXPIRED'
    where status = 'OPEN' and first_seen_at < clock_timestamp() - %(hours)s * interval '1 hour'
    returning to_id - from_id + 1 as ids
)
select coalesce(sum(ids), 0)::bigint
from expired;

-- name: open_gaps
select from_id, to_id
from meta.sales_gap
where status = 'OPEN'
order by from_id;

-- name: gaps_checked
-- What was filled long ago has served its purpose: storage stays bounded. What never came stays countable.
with forgotten as (
    delete from meta.sales_gap
    where status = 'FILLED' and last_checked_at < clock_timestamp() - interval '30 days'
)

update meta.sales_gap
set last_checked_at = clock_timestamp()
where status = 'OPEN';

-- name: close_gap
delete from meta.sales_gap
where from_id = %(from_id)s and status = 'OPEN'
returning first_seen_at;

-- name: add_gap_pieces
insert into meta.sales_gap (from_id, to_id, status, first_seen_at, last_checked_at)
select from_id, to_id, %(status)s, %(first_seen_at)s, clock_timestamp()
from unnest(%(first)s::bigint[], %(last)s::bigint[]) as piece (from_id, to_id);

-- name: gold_pending
select
    model,
    source_table,
    taken_load_id,
    last_load_id
from meta.vw_gold_pending
order by model, source_table;

-- name: open_gold_test
update meta.gold_state as state
set
    through_load_id = least(
        meta.last_load_id(state.source_table),
        (
            select min(fact.load_id) from meta.gold_state as fact
            where fact.model = 'sales_item' and fact.source_table = state.source_table
        )
    )
where state.model = 'dbt_test';

-- name: close_gold_test
update meta.gold_state
set load_id = through_load_id, through_load_id = null, updated_at = clock_timestamp()
where model = 'dbt_test' and through_load_id is not null;

-- name: want_gold_rebuild
insert into meta.gold_rebuild default values
on conflict do nothing;

-- name: gold_rebuild_wanted
select exists (select from meta.gold_rebuild);

-- name: gold_rebuilt
delete from meta.gold_rebuild;

-- name: sales_waiting
select count(*)
from meta.bronze_file
where dataset in ('sales_customer', 'sales_product') and silver_load_id is null and retired_at is null;
