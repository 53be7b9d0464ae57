-- Revokes rights that every login has by default. A superuser applies it in the database of the warehouse, as often as
-- needed: ./retail for its own server, docker/init-databases.sh in containers. On a managed server no login may do so:
-- then this changes nothing, and ./retail doctor reports what is left open.

-- With large objects, and with messages into the server's log, a reader could fill the disk. With advisory locks it
-- could not stop a step (docs/decisions/0015), but fill the server's lock table, and then no session gets any lock.
do $$
declare
    open_to_all regprocedure;
    keeper text;
begin
    for open_to_all in
        select oid
        from pg_proc
        where
            pronamespace = 'pg_catalog'::regnamespace
            and (
                proname = any(array[
                    'lo_create', 'lo_creat', 'lo_from_bytea', 'lo_import', 'lo_put', 'lowrite',
                    'pg_logical_emit_message'
                ])
                or proname like 'pg\_advisory\_%lock%'
                or proname like 'pg\_try\_advisory\_%lock%'
            )
            and has_function_privilege('public', oid, 'execute')
            and pg_has_role(proowner, 'USAGE')
    loop
        execute format('revoke execute on function %s from public', open_to_all);
        -- The owner of the database, and the roles that hold locks: each lock has a token (sql/lock_functions.sql).
        for keeper in
            select rolname
            from pg_roles
            where
                open_to_all::text like '%advisory%'
                and (
                    rolname in ('retail', 'retail_ingestion', 'retail_transformation')
                    or oid = (select datdba from pg_database where datname = current_database())
                )
        loop
            execute format('grant execute on function %s to %I', open_to_all, keeper);
        end loop;
    end loop;
end
$$;
