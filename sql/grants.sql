-- Grants each role its rights. Applied with the rest of sql/ by the owner of the warehouse. A role that does not exist,
-- as on a server to which roles.sql was not applied, is skipped: the owner does everything then.
--
-- Each role is granted what the statements of its steps need, and its earlier rights are revoked first: a right that is
-- deleted from this file is gone. Grants on the tables of Silver follow in silver_grants.sql.
-- tests/integration/test_roles.py holds the matrix.

-- ---------------------------------------------------------------- tables that dbt builds

-- dbt swaps tables. A new table has neither the grants nor, if the warehouse's owner built it, the owner of the
-- previous table. So both functions are called again whenever dbt has built a table (its post-hooks).

-- Grants the reader (pgAdmin, dashboards, analysts) a table of meta, silver or gold, without columns that identify a
-- person. In meta, raw records in quarantine and digests of them are hidden. A declared table of Silver hides the
-- columns that its declaration calls personal. Any other table, including all of Gold, may be derived from such a
-- table: it hides every column with the name of a personal one. A view of dashboards reads a function of its own
-- (dbt/macros/inlined_view.sql), which the reader may then call.
create or replace function meta.grant_reader(schema_name text, table_name text)
returns void
language plpgsql
as $$
declare
    own constant text[] := (
        select personal_columns from meta.dataset where schema_name = 'silver' and dataset = table_name
    );
    named constant text[] := array(select unnest(personal_columns) from meta.dataset where schema_name <> 'meta');
    relation constant text := format('%I.%I', schema_name, table_name);
    -- A checksum of a record lets a reader try out what its hidden columns may hold.
    digest constant text[] := array(
        select 'row_checksum' from pg_attribute
        where attrelid = relation::regclass and attname = any (named) and not attisdropped
    );
    hidden constant text[] := coalesce(own, array['raw', 'content'] || named || digest);
    visible text;
    is_whole boolean;
    reading regprocedure;
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
    for reading in
        select oid::regprocedure from pg_proc
        where pronamespace = schema_name::regnamespace and proname = 'read_' || table_name and pg_has_role(proowner, 'USAGE')
    loop
        execute format('revoke all on function %s from public', reading);
        execute format('grant execute on function %s to retail_reader', reading);
    end loop;
end
$$;

comment on function meta.grant_reader is 'Lets retail_reader read a table or view, without columns that identify a '
'person.';

-- Makes retail_transformation the owner of a Gold table, if the session may act as the table's owner and as the role,
-- or of a view and the function that it reads.
-- Otherwise, and the second time, nothing happens.
create or replace function meta.hand_to_transformation(table_name text)
returns void
language plpgsql
as $$
declare
    relation constant text := format('gold.%I', table_name);
    heir constant oid := to_regrole('retail_transformation');
    reading regprocedure;
begin
    perform from pg_class
    where
        oid = relation::regclass and relowner <> heir
        and pg_has_role(relowner, 'USAGE') and pg_has_role(heir, 'SET');
    if found then
        execute format('alter table %s owner to retail_transformation', relation);
    end if;
    for reading in
        select oid::regprocedure from pg_proc
        where
            pronamespace = 'gold'::regnamespace and proname = 'read_' || table_name and proowner <> heir
            and pg_has_role(proowner, 'USAGE') and pg_has_role(heir, 'SET')
    loop
        execute format('alter function %s owner to retail_transformation', reading);
    end loop;
end
$$;

comment on function meta.hand_to_transformation is 'Makes retail_transformation the owner of a Gold table, so '
'that the next run can write to what an operator has built.';

-- ---------------------------------------------------------------- everybody

revoke all on schema meta, silver, gold, operational, mrr, stg, dwh, analyst from public;
revoke all on all routines in schema operational, mrr, stg, dwh from public;

-- Revokes earlier rights on the functions that the session owns: a revoke on all functions would fail at one that a
-- superuser has taken over. The constructors of a range type belong to the superuser, and constraints call them as the
-- role that writes: they are granted to public.
do $$
declare
    everybody constant text := concat_ws(', ', 'public', (
        select string_agg(quote_ident(rolname), ', ')
        from pg_roles
        where rolname in ('retail_ingestion', 'retail_transformation', 'retail_reader', 'retail_analyst')
    ));
    one record;
begin
    for one in
        select
            pg_proc.oid::regprocedure as name,
            exists (select from pg_range where prorettype in (rngtypid, rngmultitypid)) as makes_a_range
        from pg_proc
        where pronamespace = 'meta'::regnamespace and pg_has_role(proowner, 'USAGE')
    loop
        if one.makes_a_range then
            execute format('grant execute on function %s to public', one.name);
        else
            execute format('revoke all on function %s from %s', one.name, everybody);
        end if;
    end loop;
end
$$;

-- On a server that has the platform's roles, no other role needs access to this database.
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
        insert (run_id, layer, dataset, status, ended_at, error_message, error_type, remedy, exit_code),
        update (
            status, ended_at, rows_read, rows_inserted, rows_updated, rows_unchanged, rows_superseded, rows_rejected,
            bytes, error_message, error_type, remedy, exit_code
        )
    on meta.load to retail_ingestion;
    -- A receipt, once written, is only updated with the load that took its file, and with its removal by retention.
    grant
        select, insert, update (silver_load_id, has_versions, expired_at, removed_at)
    on meta.bronze_file to retail_ingestion;
    grant execute on function meta.text_checksum, meta.moment_text to retail_ingestion; -- checksums of versions
    grant
        select, insert, delete, update (status, first_seen_at, last_checked_at, known, known_ids)
    on meta.gap to retail_ingestion;
    grant select, insert, delete on meta.lookback_page, meta.source_sample to retail_ingestion;
    grant
        select,
        insert,
        update (status, superseded_by, reason, remedy, load_id, checked_at, returned_sha256, returned_at)
    on meta.delivery to retail_ingestion;
    grant select, insert, update (sha256, seen_at), delete on meta.inbox_file to retail_ingestion;
    grant usage on sequence meta.delivery_delivery_id_seq to retail_ingestion; -- rows bear the id before it is used
    grant select, insert on meta.new_field, meta.unreadable_record to retail_ingestion;
    grant select, insert, update (source_id, is_accepted, noted_at) on meta.source_identity to retail_ingestion;
    grant
        select, insert (entity, first_load_id, cursor_end), update (cursor_value, finished_at)
    on meta.replay to retail_ingestion;
    grant
        select, insert (entity, from_id, to_id), delete,
        update (cursor_value, epoch, load_id, cursor_taken, finished_at, advanced_at)
    on meta.backfill_range to retail_ingestion;
    grant select on meta.sales_gap, meta.sales_backfill to retail_ingestion;
    grant
        select (rejected_record_id, dataset, path, line_no, reason, field, raw, status, record_key, sale_id, accepted_at),
        insert (dataset, path, line_no, reason, field, raw, record_key, sale_id),
        update (reason, field, status, resolved_load_id)
    on meta.rejected_record to retail_ingestion;
    -- This login opens and closes the incidents of every task, whatever its layer.
    grant
        select,
        insert (dag_id, task_id, entity, run_id, try_number, load_id, cause, remedy),
        update (
            status, last_seen_at, closed_at, times, run_id, try_number, load_id, cause, remedy, message_id
        )
    on meta.incident to retail_ingestion;
    grant
        select,
        insert (dag_id, run_id, cause_key, pending_channels),
        update (dag_id, status, closed_at, pending_channels, sender, claimed_at)
    on meta.incident_message to retail_ingestion;
    grant select, insert, update (name) on meta.lock to retail_ingestion; -- update: to hold a row
    grant select, insert, delete on meta.lock_holder to retail_ingestion;
    grant select on meta.vw_lock_holder to retail_ingestion;
    grant execute on function meta.hold_lock_row, meta.take_lock, meta.give_lock_back to retail_ingestion;
    grant select on meta.gold_result to retail_ingestion; -- what its audits found, which may be an incident
    grant select on meta.vw_open_anomalies to retail_ingestion; -- they are incidents
    grant select, update (header_load_id, lines_load_id) on meta.sale_repair to retail_ingestion;
    grant select (is_wanted), insert (is_wanted, requested_at, token), update (requested_at, token)
    on meta.gold_rebuild to retail_ingestion;
end
$$;

-- ---------------------------------------------------------------- Silver → Gold, and what is checked after it

do $$
declare
    log regclass;
begin
    if to_regrole('retail_transformation') is null then
        return;
    end if;
    revoke all on all tables in schema meta, silver from retail_transformation;
    grant usage on schema meta, silver to retail_transformation;
    grant usage, create on schema gold to retail_transformation;
    grant usage on schema dwh to retail_transformation; -- its views name dwh.require_table
    grant
        select,
        insert (run_id, layer, dataset, status, ended_at, error_message, error_type, remedy, exit_code),
        update (status, ended_at, rows_read, rows_inserted, rows_updated)
    on meta.load to retail_transformation;
    grant select, insert, update on meta.gold_state to retail_transformation;
    grant select, insert, delete on meta.holiday to retail_transformation;
    grant select, insert, delete on meta.gold_result to retail_transformation;
    grant
        select, insert, update (business_date, load_id)
    on meta.nightly_build to retail_transformation;
    grant
        select, insert (is_wanted, requested_at, token), delete, update (requested_at, token, core_token)
    on meta.gold_rebuild to retail_transformation;
    grant select on meta.vw_gold_pending, meta.vw_open_differences to retail_transformation;
    grant select on meta.dataset to retail_transformation; -- meta.grant_reader reads it
    grant select on meta.delivery to retail_transformation; -- a refused file does not wait for its load
    grant execute on function
        meta.last_load_id, meta.open_gold, meta.open_nightly, meta.gold_load_id, meta.business_date, meta.taken,
        meta.through, meta.close_gold, meta.summarize_block_ranges, meta.prune_changes, meta.grant_reader,
        meta.hand_to_transformation, meta.record_audit, meta.text_checksum, meta.moment_text
    to retail_transformation;
    grant select, insert, update (name) on meta.lock to retail_transformation; -- update: to hold a row
    grant select, insert, delete on meta.lock_holder to retail_transformation;
    grant select on meta.vw_lock_holder to retail_transformation;
    grant execute on function meta.hold_lock_row, meta.take_lock, meta.give_lock_back to retail_transformation;
    -- Reconciliation.
    grant select on meta.ingestion_state, meta.bronze_file, meta.gap, meta.sales_gap, meta.accepted_difference
    to retail_transformation;
    grant select (dataset, raw, status, sale_id, record_key) on meta.rejected_record to retail_transformation;
    grant select, insert on meta.reconciliation to retail_transformation;
    -- Anomalies.
    grant select on meta.vw_anomaly_verdicts, meta.incident, meta.gap to retail_transformation;
    grant select (first_seen_at) on meta.rejected_record to retail_transformation;
    grant select, insert, update on meta.kpi_judgement, meta.second_opinion to retail_transformation;
    -- Tables that were built before the role existed.
    perform meta.hand_to_transformation(relname)
    from pg_class
    where relnamespace = 'gold'::regnamespace and relkind in ('r', 'p', 'v', 'm');
    -- Where the owner may not hand over a table, the Gold tables that dbt does not create still belong to it.
    for log in
        select oid::regclass from pg_class
        where
            relnamespace = 'gold'::regnamespace and relkind = 'r'
            and (relname like '%\_change' or relname in ('kpi_anomaly', 'kpi_second_opinion'))
            and relowner = current_user::regrole
    loop
        execute format('grant select, insert, update, delete on %s to retail_transformation', log);
    end loop;
end
$$;

-- ---------------------------------------------------------------- readers

do $$
begin
    if to_regrole('retail_reader') is null then
        return;
    end if;
    grant usage on schema meta, silver, gold to retail_reader;
    grant execute on function meta.last_load_id(text) to retail_reader; -- meta.vw_gold_pending calls it
    perform meta.grant_reader(table_schema, table_name)
    from information_schema.tables
    where table_schema in ('meta', 'silver', 'gold');
    -- The SQL surface works with the rights of the session. A procedure says who may call it.
    grant usage on schema operational, mrr, stg, dwh, analyst to retail_reader;
    grant select on all tables in schema operational, mrr, stg, dwh to retail_reader;
    grant execute on all routines in schema operational, mrr, stg, dwh to retail_reader;
end
$$;

-- ---------------------------------------------------------------- analysts

-- A member of retail_reader (roles.sql), with a schema for its own tables.
do $$
begin
    if to_regrole('retail_analyst') is not null then
        grant usage, create on schema analyst to retail_analyst;
    end if;
end
$$;
