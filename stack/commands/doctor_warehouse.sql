-- What the server allows readers, and the login of this session. One row.
select
    current_user::text as login,
    current_setting('server_version_num')::integer / 10000 as major,
    exists (select from pg_available_extensions where name = 'btree_gist') as has_btree_gist,
    (select rolsuper from pg_roles where rolname = current_user) as is_superuser,
    (
        select pg_get_userbyid(nspowner)
        from pg_namespace
        where nspname = 'meta' and not pg_has_role(nspowner, 'USAGE')
    )::text as other_owner,
    (
        select string_agg(wanted.name, ', ' order by wanted.name)
        from unnest(array['retail_ingestion', 'retail_transformation', 'retail_reader']) as wanted (name)
        where to_regrole(wanted.name) is null
    ) as missing_roles,
    (
        select string_agg(distinct called.proname::text, ', ')
        from pg_proc as called
        where
            called.proname in ('lo_create', 'lo_creat', 'lo_from_bytea', 'lo_put', 'lowrite')
            and has_function_privilege(reader.oid, called.oid, 'execute')
    ) as large_objects,
    (
        select string_agg(distinct called.proname::text, ', ')
        from pg_proc as called
        where
            called.proname in ('pg_advisory_lock', 'pg_try_advisory_lock', 'pg_advisory_xact_lock')
            and has_function_privilege(reader.oid, called.oid, 'execute')
    ) as advisory_locks,
    reader.rolname is not null as has_reader,
    nullif(reader.rolconnlimit, -1) as connection_limit,
    coalesce(
        (
            select split_part(setting.line, '=', 2)
            from unnest(reader.rolconfig) as setting (line)
            where setting.line like 'temp\_file\_limit=%'
        ),
        nullif((select server.reset_val from pg_settings as server where server.name = 'temp_file_limit'), '-1')
    ) as temp_file_limit
from (select 1) as one (row)
left join pg_roles as reader on reader.rolname = 'retail_reader';
