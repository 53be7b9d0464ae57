-- Who may do what. Applied with the rest of sql/ by the owner of the warehouse. A role that does not exist, as on a
-- server to which roles.sql was not applied, is passed over: everything is done by the owner then.
--
-- Each role is given what the statements of its steps need, and what it was given before is taken back first: a right
-- that is struck from this file is gone. tests/integration/test_roles.py holds the matrix.

-- ---------------------------------------------------------------- tables that dbt builds

-- dbt swaps tables, and a new one has neither the grants nor, when the owner has built it, the owner of the one before.
-- So both functions are called again whenever dbt has built a table (its post-hooks).

-- The reader (pgAdmin, dashboards, people) sees meta, silver and gold, and not a customer's contact data: neither the
-- columns nor the raw records in quarantine.
create or replace function meta.grant_reader(schema_name text, table_name text)
returns void
language plpgsql
as $$
declare
    hidden constant text[] := array['first_name', 'last_name', 'email', 'phone', 'raw'];
    relation constant text := format('%I.%I', schema_name, table_name);
    visible text;
    is_whole boolean;
begin
    if to_regrole('retail_reader') is null then
        return;
    end if;
    select
        string_agg(quote_ident(attname), ', ' order by attnum) filter (where attname <> all (hidden)),
        count(*) filter (where attname = any (hidden)) = 0
    into visible, is_whole
    from pg_attribute
    where attrelid = relation::regclass and attnum > 0 and not attisdropped;
    execute format('revoke all on %s from retail_reader', relation);
    if is_whole then
        execute format('grant select on %s to retail_reader', relation);
    else
        execute format('grant select (%s) on %s to retail_reader', visible, relation);
    end if;
end
$$;

comment on function meta.grant_reader is 'Lets retail_reader read a table, without customers'' contact data.';

-- Whoever may act as the table's owner and as the role hands it over; for anybody else, and the second time, nothing
-- happens.
create or replace function meta.hand_to_transformation(table_name text)
returns void
language plpgsql
as $$
declare
    relation constant text := format('gold.%I', table_name);
    heir constant oid := to_regrole('retail_transformation');
begin
    perform from pg_class
    where
        oid = relation::regclass and relowner <> heir
        and pg_has_role(relowner, 'USAGE') and pg_has_role(heir, 'SET');
    if found then
        execute format('alter table %s owner to retail_transformation', relation);
    end if;
end
$$;

comment on function meta.hand_to_transformation is 'Makes retail_transformation the owner of a table of Gold, so '
'that the next hour can write to what a person has built.';

-- ---------------------------------------------------------------- everybody

revoke all on schema meta, silver, gold from public;
revoke all on all functions in schema meta from public;

-- On a server that knows our roles nobody else has business in this database.
do $$
begin
    if to_regrole('retail_ingestion') is not null
        and pg_has_role((select nspowner from pg_namespace where nspname = 'public'), 'USAGE')
    then
        revoke all on schema public from public;
    end if;
end
$$;

-- ---------------------------------------------------------------- source → Bronze → Silver

do $$
begin
    if to_regrole('retail_ingestion') is null then
        return;
    end if;
    revoke all on all tables in schema meta, silver from retail_ingestion;
    grant usage on schema meta, silver to retail_ingestion;
    grant select, update (cursor_value, epoch, load_id, updated_at) on meta.ingestion_state to retail_ingestion;
    grant
        select,
        insert (run_id, layer, dataset, status, ended_at, error_message),
        update (
            status, ended_at, rows_read, rows_inserted, rows_updated, rows_unchanged, rows_superseded, rows_rejected,
            bytes, error_message
        )
    on meta.load to retail_ingestion;
    -- A receipt, once written, only ever learns which load took its file, and that retention has removed it.
    grant select, insert, update (silver_load_id, expired_at, removed_at) on meta.bronze_file to retail_ingestion;
    grant select, insert, delete, update (status, last_checked_at) on meta.sales_gap to retail_ingestion;
    grant
        select, insert (from_id, to_id), delete, update (cursor_value, epoch, load_id, cursor_taken, finished_at)
    on meta.sales_backfill to retail_ingestion;
    grant
        select (path, line_no, reason, field, status),
        insert (dataset, path, line_no, reason, field, raw),
        update (reason, field)
    on meta.rejected_record to retail_ingestion;
    -- Incidents of every task, whatever its layer, are opened and closed by this login.
    grant
        select,
        insert (dag_id, task_id, entity, run_id, try_number, load_id, cause, remedy, untold),
        update (
            status, last_seen_at, closed_at, times, run_id, try_number, load_id, cause, remedy, untold
        )
    on meta.incident to retail_ingestion;
    grant select, insert, update, maintain on all tables in schema silver to retail_ingestion; -- maintain: analyze
end
$$;

-- ---------------------------------------------------------------- Silver → Gold, and what is checked behind it

do $$
begin
    if to_regrole('retail_transformation') is null then
        return;
    end if;
    revoke all on all tables in schema meta, silver from retail_transformation;
    revoke all on all functions in schema meta from retail_transformation;
    grant usage on schema meta, silver to retail_transformation;
    grant usage, create on schema gold to retail_transformation;
    grant select on all tables in schema silver to retail_transformation;
    grant
        select,
        insert (run_id, layer, dataset, status, ended_at, error_message),
        update (status, ended_at, rows_read, rows_inserted)
    on meta.load to retail_transformation;
    grant select, insert, update on meta.gold_state to retail_transformation;
    grant select, insert, delete on meta.gold_rebuild to retail_transformation;
    grant select on meta.vw_gold_pending, meta.vw_open_differences to retail_transformation;
    grant execute on function
        meta.last_load_id, meta.open_gold, meta.gold_load_id, meta.taken, meta.through, meta.close_gold,
        meta.summarize_block_ranges, meta.grant_reader, meta.hand_to_transformation
    to retail_transformation;
    -- Reconciliation.
    grant select on meta.ingestion_state, meta.bronze_file, meta.sales_gap to retail_transformation;
    grant select (dataset, raw, status) on meta.rejected_record to retail_transformation;
    grant select, insert on meta.reconciliation to retail_transformation;
    -- Tables that were built before the role was there.
    perform meta.hand_to_transformation(relname)
    from pg_class
    where relnamespace = 'gold'::regnamespace and relkind in ('r', 'p', 'v', 'm');
end
$$;

-- ---------------------------------------------------------------- readers

do $$
begin
    if to_regrole('retail_reader') is null then
        return;
    end if;
    revoke all on all functions in schema meta from retail_reader;
    grant usage on schema meta, silver, gold to retail_reader;
    grant execute on function meta.last_load_id(text) to retail_reader; -- meta.vw_gold_pending asks it
    perform meta.grant_reader(table_schema, table_name)
    from information_schema.tables
    where table_schema in ('meta', 'silver', 'gold');
end
$$;
