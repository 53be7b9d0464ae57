-- The statements of medallion/state/gold_progress.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: gold_pending
-- What Gold has not taken or tested.
select
    model,
    source_table,
    taken_load_id,
    last_load_id
from meta.vw_gold_pending
order by model, source_table;

-- name: open_gold_test
-- Fix the upper bound of what the tests that start now will check.
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
-- Move the watermark of the tests that have passed.
update meta.gold_state
set load_id = through_load_id, through_load_id = null, updated_at = clock_timestamp()
where model = 'dbt_test' and through_load_id is not null;

-- name: mark_core_tested
-- Note on which build of each core table all tests of core have passed: on that of this run, if no other has followed.
insert into meta.gold_state (model, source_table, load_id)
select
    'core_test',
    built.name,
    last.load_id
from unnest(%(core)s::text []) as built (name)
cross join lateral (
    select
        load_id,
        run_id
    from meta.load
    where layer = 'gold' and dataset = split_part(built.name, '.', 2)
    order by load_id desc
    limit 1
) as last
where last.run_id = %(run_id)s
on conflict (model, source_table) do update set load_id = excluded.load_id, updated_at = clock_timestamp();

-- name: is_core_tested
-- Whether all tests of core have passed on the last build of each of its tables.
select bool_and(exists (
    select from meta.gold_state as tested
    where
        tested.model = 'core_test' and tested.source_table = built.name
        and tested.load_id = (
            select max(load_id) from meta.load
            where layer = 'gold' and dataset = split_part(built.name, '.', 2)
        )
)) as is_tested
from unnest(%(core)s::text []) as built (name);

-- name: want_gold_rebuild
-- Request a rebuild of Gold. Each call is a new request with its own token.
insert into meta.gold_rebuild default values
on conflict (is_wanted) do update set token = default, requested_at = default;

-- name: gold_rebuild_wanted
-- Whether a rebuild of Gold is requested.
select exists (select from meta.gold_rebuild);

-- name: gold_rebuild_token
-- The request for a rebuild, and whether core was built for it.
select token::text, (core_token = token) is true
from meta.gold_rebuild;

-- name: mark_gold_core_rebuilt
-- Note that core was built for a request. A newer request is left alone.
update meta.gold_rebuild
set core_token = token
where token = %(token)s::uuid;

-- name: mark_gold_rebuilt
-- Remove a fulfilled request. A newer one stays.
delete from meta.gold_rebuild
where token = %(token)s::uuid;
