-- Views with the names of a classic warehouse (operational, mrr, stg, dwh) for analysts: docs/sql.md, decision 0032.
--
-- dbt drops a table of Gold with `cascade` when it swaps it, and a view on the table would go with it. Nor may a view
-- stand in the way of a migration. So no view names a table: each reads a function of its own, whose body is text that
-- Postgres looks up when a query runs. A function in SQL that is stable, not strict and without settings is inlined:
-- the plan is that of a query on the table, with its indexes. tests/integration/test_sql_surface.py holds both.
--
-- The views and functions work with the rights of the session (security_invoker): what the reader may not see fails.

create schema if not exists operational;
create schema if not exists mrr;
create schema if not exists stg;
create schema if not exists dwh;
create schema if not exists analyst;

comment on schema operational is 'The source as far as it was read, under the names of its tables. Views only.';
comment on schema mrr is 'What has landed, under the names of a mirror. Views only.';
comment on schema stg is 'Silver under the names of a staging layer. Views only.';
comment on schema dwh is 'Gold under the names of a classic warehouse, the log of the steps, functions and procedures '
'for analysts. No tables.';
comment on schema analyst is 'Tables of retail_analyst. In no backup.';

-- Neither tables of Gold nor those of an entity that is no longer declared need exist when the views are applied.
set local check_function_bodies = off;

-- Returns true, or raises an error that says what builds the missing table. Declared immutable, so that the planner
-- calls it before it looks the table up in the body of the function to which the result is passed. A cached plan is
-- made again once the table is dropped.
create or replace function dwh.require_table(table_name text)
returns boolean
language plpgsql
immutable
parallel safe
as $$
begin
    if to_regclass(table_name) is null then
        raise exception '% has not been built yet', table_name
        using
            errcode = 'object_not_in_prerequisite_state',
            hint = 'The first run builds it: ./retail run. Nightly tables: ./retail nightly.';
    end if;
    return true;
end
$$;

comment on function dwh.require_table is 'Raises an error that says how to build a table of Gold, if there is none.';
