-- Creates the logins of a server, with default timeouts for statements, locks and idle transactions. An administrator
-- of the server applies this file, as often as needed: ./retail for its own server, docker/init-databases.sh in
-- containers, you on your own server. Passwords are set separately. grants.sql grants each role its rights in the
-- warehouse.
--
--   retail                 owns the warehouse: schema, rebuild, quarantine, operators
--   retail_ingestion       the steps from the source to Silver
--   retail_transformation  dbt and the steps around it; owns the tables of Gold
--   retail_reader          pgAdmin, dashboards, analysts who only read
--   retail_analyst         analysts: reads what the reader may, makes tables in a schema of its own
--   airflow                owns Airflow's metadata, in a separate database

do $$
declare
    wanted text;
begin
    foreach wanted in array array[
        'retail', 'retail_ingestion', 'retail_transformation', 'retail_reader', 'retail_analyst', 'airflow'
    ]
    loop
        if to_regrole(wanted) is null then
            execute format('create role %I login', wanted);
        end if;
    end loop;
end
$$;

-- A statement that an administrator who is not a superuser may not run is skipped, with a notice; ./retail doctor names
-- it.
do $$
declare
    statement text;
begin
    foreach statement in array array[
        -- The owner may alter and drop what dbt has built. Only an administrator may grant that: so not in grants.sql.
        'grant retail_transformation to retail',

        -- Statements of the owner have no limit: a rebuild or an index may take long.
        'alter role retail set lock_timeout = ''60s''',
        'alter role retail set idle_in_transaction_session_timeout = ''15min''',

        -- A statement of a loader copies or merges a few megabytes.
        'alter role retail_ingestion set statement_timeout = ''15min''',
        'alter role retail_ingestion set lock_timeout = ''60s''',
        'alter role retail_ingestion set idle_in_transaction_session_timeout = ''15min''',

        -- The first build of a fact is one statement over all history; none outlives the task that sent it (an hour).
        -- Swapping a table waits longer than a reader may hold it, or a slow dashboard would fail the build.
        'alter role retail_transformation set statement_timeout = ''1h''',
        'alter role retail_transformation set lock_timeout = ''5min''',
        'alter role retail_transformation set idle_in_transaction_session_timeout = ''15min''',

        -- Defaults, which a session of the reader may change: they end forgotten sessions, not malicious ones.
        'alter role retail_reader set default_transaction_read_only = on',
        'alter role retail_reader set statement_timeout = ''60s''',
        'alter role retail_reader set lock_timeout = ''30s''',
        'alter role retail_reader set idle_in_transaction_session_timeout = ''60s''',
        'alter role retail_reader set transaction_timeout = ''2min''',
        -- Limits, which it may not change: connections are left for the steps, and a sort does not fill the disk.
        'alter role retail_reader connection limit 20',
        'alter role retail_reader set temp_file_limit = ''2GB''',
        -- The names of docs/sql.md need no schema.
        'alter role retail_reader set search_path = dwh, stg, mrr, operational',

        -- What the reader may, and tables of its own. It holds a lock of a reader for less than the builds wait.
        'grant retail_reader to retail_analyst',
        'alter role retail_analyst set statement_timeout = ''3min''',
        'alter role retail_analyst set lock_timeout = ''30s''',
        'alter role retail_analyst set idle_in_transaction_session_timeout = ''60s''',
        'alter role retail_analyst set transaction_timeout = ''4min''',
        'alter role retail_analyst connection limit 10',
        'alter role retail_analyst set temp_file_limit = ''2GB''',
        'alter role retail_analyst set search_path = analyst, dwh, stg, mrr, operational',

        -- Airflow's migrations keep a transaction open while they work.
        'alter role airflow set statement_timeout = ''1h''',
        'alter role airflow set idle_in_transaction_session_timeout = ''1h'''
    ]
    loop
        begin
            execute statement;
        exception
            when insufficient_privilege then
                raise notice 'not allowed on this server: %', statement;
        end;
    end loop;
end
$$;
