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
        from
            unnest(
                array['retail_ingestion', 'retail_transformation', 'retail_reader', 'retail_analyst']
            ) as wanted (name)
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
    nullif(reader.rolconnlimit, -1) as reader_connections,
    coalesce(
        (
            select split_part(setting.line, '=', 2)
            from unnest(reader.rolconfig) as setting (line)
            where setting.line like 'temp\_file\_limit=%'
        ),
        server.disk
    ) as reader_disk,
    analyst.rolname is not null as has_analyst,
    coalesce(pg_has_role(analyst.oid, reader.oid, 'USAGE'), false) as analyst_reads,
    nullif(analyst.rolconnlimit, -1) as analyst_connections,
    coalesce(
        (
            select split_part(setting.line, '=', 2)
            from unnest(analyst.rolconfig) as setting (line)
            where setting.line like 'temp\_file\_limit=%'
        ),
        server.disk
    ) as analyst_disk,
    (
        select string_agg(distinct made.oid::regclass::text, ', ')
        from (
            -- Views of tables of ours, and tables with a column whose type is a row of one.
            select
                rule.ev_class as oid,
                need.refobjid as used
            from pg_depend as need
            inner join pg_rewrite as rule on need.classid = 'pg_rewrite'::regclass and need.objid = rule.oid
            where need.refclassid = 'pg_class'::regclass
            union all
            select
                part.attrelid as oid,
                kind.typrelid as used
            from pg_attribute as part
            inner join pg_type as given on part.atttypid = given.oid
            inner join pg_type as kind on coalesce(nullif(given.typelem, 0), given.oid) = kind.oid
        ) as need
        inner join pg_class as made on need.oid = made.oid
        inner join pg_class as used on need.used = used.oid
        where
            made.relnamespace = to_regnamespace('analyst')
            and used.relnamespace in (to_regnamespace('meta'), to_regnamespace('silver'), to_regnamespace('gold'))
    ) as analyst_views
from (select nullif(reset_val, '-1') as disk from pg_settings where name = 'temp_file_limit') as server
left join pg_roles as reader on reader.rolname = 'retail_reader'
left join pg_roles as analyst on analyst.rolname = 'retail_analyst';
