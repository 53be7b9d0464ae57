-- Functions by which a dbt model takes increments: open → build → close, all in the model's own transaction.
-- dbt calls them in pre- and post-hooks; nothing else moves meta.gold_state.

-- Returns the highest load that changed a table: the end of what a reader has to take. Cheap: one index probe.
create or replace function meta.last_load_id(source_table text)
returns bigint
language sql
stable
return (
    select coalesce(max(load_id), 0)
    from meta.load
    where
        layer = split_part(source_table, '.', 1)
        and dataset = split_part(source_table, '.', 2)
        and status = 'SUCCESS'
        and rows_inserted + rows_updated > 0
);

comment on function meta.last_load_id is 'Last load that changed a table, named layer.dataset; 0: none yet.';

-- Fixes the range (load_id, through_load_id] of each source for this build, and opens the model's load.
-- Models named in `behind` must have taken a load first: a fact takes no sale whose customer its dimension
-- has not seen. The lock serializes the builds of one model, so its load ids commit in order.
create or replace function meta.open_gold(
    model_name text, source_tables text[], behind text[], full_refresh boolean, run text
)
returns bigint
language plpgsql
as $$
declare
    opened bigint;
begin
    perform meta.hold_lock_row('gold', model_name);
    insert into meta.gold_state (model, source_table)
    select model_name, source_table from unnest(source_tables) as source_table
    on conflict (model, source_table) do nothing;
    update meta.gold_state as state
    set
        load_id = case when full_refresh then 0 else state.load_id end,
        through_load_id = least(
            meta.last_load_id(state.source_table),
            (
                select min(ahead.load_id) from meta.gold_state as ahead
                where ahead.source_table = state.source_table and ahead.model = any(behind)
            )
        )
    where state.model = model_name and state.source_table = any(source_tables);
    -- A model that is built from the beginning does not log what its rows have left. So each of its readers starts from
    -- the beginning too, whichever role built the model: a mart deletes the keys for which it finds no rows, and the
    -- fact looks up all its versions again.
    if full_refresh then
        update meta.gold_state
        set load_id = 0
        where source_table = 'gold.' || model_name and model <> 'dbt_test' and load_id > 0;
    end if;
    insert into meta.load (run_id, layer, dataset)
    values (run, 'gold', model_name)
    returning load_id into opened;
    return opened;
end
$$;

comment on function meta.open_gold is 'Opens a build of a Gold model; returns its load id.';

-- Opens a build of a nightly model and records the business date that it is for. A nightly model is built completely,
-- so it takes no increments and has no row in meta.gold_state. The lock serializes the builds of one model.
create or replace function meta.open_nightly(model_name text, as_of date, run text)
returns bigint
language plpgsql
as $$
declare
    opened bigint;
begin
    perform meta.hold_lock_row('gold', model_name);
    insert into meta.load (run_id, layer, dataset)
    values (run, 'gold', model_name)
    returning load_id into opened;
    insert into meta.nightly_build (model, business_date, load_id)
    values (model_name, as_of, opened)
    on conflict (model) do update set business_date = excluded.business_date, load_id = excluded.load_id;
    return opened;
end
$$;

comment on function meta.open_nightly is 'Opens a build of a nightly model as of a business date; returns its load id.';

-- The next four functions are declared immutable, which they are within one statement. So the planner evaluates them
-- before planning, knows how few rows are new, and reads those by index instead of scanning the table. With stable
-- functions it assumed a ninth of history (docs/performance.md). Never call them in a prepared statement, nor in
-- PL/pgSQL, which prepares its statements: a cached plan would keep their result. Parallel safe: they only read, and a
-- statement that calls any other function gets no parallel plan at all.

-- Returns the load that open_gold or open_nightly opened in this transaction: the model writes it as its _load_id.
create or replace function meta.gold_load_id(model_name text)
returns bigint
language sql
immutable
parallel safe
return (
    select max(load_id) from meta.load
    where layer = 'gold' and dataset = model_name and status = 'RUNNING'
);

create or replace function meta.business_date(model_name text)
returns date
language sql
immutable
parallel safe
return (
    select max(business_date) from meta.nightly_build
    where model = model_name
);

comment on function meta.business_date is 'The last day that a build of a nightly model counts, as open_nightly has '
'recorded it.';

create or replace function meta.taken(model_name text, source text)
returns bigint
language sql
immutable
parallel safe
return (
    select coalesce(max(load_id), 0) from meta.gold_state
    where model = model_name and source_table = source
);

comment on function meta.taken is 'Lower bound of the build, exclusive: rows with a _load_id above it are new to the '
'model.';

create or replace function meta.through(model_name text, source text)
returns bigint
language sql
immutable
parallel safe
return (
    select coalesce(max(through_load_id), 0) from meta.gold_state
    where model = model_name and source_table = source
);

comment on function meta.through is 'Upper bound of the build, inclusive, fixed when it was opened.';

-- Summarizes the new blocks of a Gold table in its block range indexes. Such an index does not cover blocks newer than
-- the last vacuum, so every search for new rows would read all of them, more with each run, for days. A vacuum in
-- progress must be neither waited for nor canceled: the next build summarizes what this build leaves.
create or replace function meta.summarize_block_ranges(model_name text)
returns void
language plpgsql
as $$
declare
    relation constant text := format('gold.%I', model_name);
begin
    execute format('lock table %s in share update exclusive mode nowait', relation);
    perform brin_summarize_new_values(indexrelid)
    from pg_index
    inner join pg_class on pg_class.oid = indexrelid
    inner join pg_am on pg_am.oid = relam
    where indrelid = relation::regclass and amname = 'brin' and pg_has_role(relowner, 'USAGE');
exception
    when lock_not_available then null;
end
$$;

comment on function meta.summarize_block_ranges is 'Makes the block range indexes of a Gold table cover all its '
'blocks.';

-- Removes from a fact's change log what all its readers have taken. A reader that starts from the beginning needs none
-- of the log, nor does a reader whose table is gone, which is built completely. A build in progress has a watermark
-- that no other session sees yet. It has written to meta.gold_state, so the lock is not free, and the next build of the
-- fact removes what this build leaves.
create or replace function meta.prune_changes(fact text)
returns void
language plpgsql
as $$
begin
    if to_regclass(format('gold.%I', fact || '_change')) is null then
        return;
    end if;
    lock table meta.gold_state in share mode nowait;
    execute format('delete from gold.%I where _load_id <= $1', fact || '_change')
    using (
        select min(load_id) from meta.gold_state
        where
            source_table = 'gold.' || fact and load_id > 0
            and (model = 'dbt_test' or to_regclass(format('gold.%I', model)) is not null)
    );
exception
    when lock_not_available then null;
end
$$;

comment on function meta.prune_changes is 'Removes from the change log of a fact what every reader has taken.';

-- Closes a build that has written so many rows; null: all that the table holds, as this transaction has created it.
-- They are not counted by reading them: the table has its name by now, and readers wait until this transaction ends.
-- For the same reason the build itself has analyzed them.
create or replace function meta.close_gold(model_name text, rows_written bigint)
returns void
language plpgsql
as $$
declare
    built constant regclass := to_regclass(format('gold.%I', model_name));
    -- What this transaction has added to the table. A mart deletes what it writes again. Reading it costs nothing.
    rows_added bigint := greatest(
        0, pg_stat_get_xact_tuples_inserted(built) - pg_stat_get_xact_tuples_deleted(built)
    );
    is_created constant boolean := rows_written is null;
begin
    if is_created and not current_setting('track_counts')::boolean then
        execute format('select count(*) from gold.%I', model_name) into rows_added;
    end if;
    rows_written := coalesce(rows_written, rows_added);
    rows_added := least(rows_written, rows_added);
    update meta.gold_state
    set load_id = through_load_id, through_load_id = null, updated_at = clock_timestamp()
    where model = model_name and through_load_id is not null;
    update meta.load
    set
        status = 'SUCCESS', ended_at = clock_timestamp(),
        rows_read = rows_written, rows_inserted = rows_added, rows_updated = rows_written - rows_added
    where load_id = (
        select max(opened.load_id) from meta.load as opened
        where opened.layer = 'gold' and opened.dataset = model_name and opened.status = 'RUNNING'
    );
    -- The next statements must be planned for the table as it is now, before autovacuum analyzes it in a minute.
    if rows_written > 100000 and not is_created then
        execute format('analyze (skip_locked) gold.%I', model_name);
    end if;
    perform meta.summarize_block_ranges(model_name);
    -- Also of the logs that a fact reads: the builds of those run next to each other, and so find the lock taken.
    perform meta.prune_changes(log.name)
    from (
        select model_name as name
        union
        select split_part(source_table, '.', 2) from meta.gold_state
        where model = model_name and source_table like 'gold.%'
    ) as log
    where to_regclass(format('gold.%I', model_name || '_change')) is not null;
    perform meta.grant_reader('gold', model_name);
end
$$;

comment on function meta.close_gold is 'Moves the model''s watermarks, closes its load, grants readers access.';
