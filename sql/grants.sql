-- Who may read what. Applied with the rest of sql/, and again for a Gold table whenever dbt has built it, because a
-- table that was swapped in has lost the grants of the one before.
--
-- The reader (pgAdmin, dashboards, people) sees meta, silver and gold, and not a customer's contact data: neither the
-- columns nor the raw records in quarantine. Everything else belongs to the role that owns the database.

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
    if not exists (select from pg_roles where rolname = 'retail_reader') then
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

revoke all on schema meta, silver, gold from public;
revoke all on all functions in schema meta from public;

do $$
begin
    if exists (select from pg_roles where rolname = 'retail_reader') then
        grant usage on schema meta, silver, gold to retail_reader;
        grant execute on function meta.last_load_id(text) to retail_reader;
        perform meta.grant_reader(table_schema, table_name)
        from information_schema.tables
        where table_schema in ('meta', 'silver', 'gold');
    end if;
end
$$;
