#!/usr/bin/env bash
# Roles and databases of the platform. The postgres image runs this once, when its volume is empty; running it again
# changes nothing but the passwords, which become those of the environment:
#   docker compose exec postgres bash /docker-entrypoint-initdb.d/init-databases.sh
#
# psql reads the passwords from its environment: as arguments, every process of the container could read them. The
# server hashes them, and is told first not to log these statements, not even when one fails.

# In a subshell: the image sources a script that has lost its executable bit, and must not inherit these options.
(
    set -eu
    : "${RETAIL_DB_PASSWORD:?}" "${AIRFLOW_DB_PASSWORD:?}" "${RETAIL_READER_PASSWORD:?}"
    export PGPASSWORD="${PGPASSWORD:-${POSTGRES_PASSWORD:?}}"

    psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username=postgres --dbname=postgres <<'SQL'
\getenv retail_password RETAIL_DB_PASSWORD
\getenv airflow_password AIRFLOW_DB_PASSWORD
\getenv reader_password RETAIL_READER_PASSWORD

set log_statement = 'none';
set log_min_duration_statement = -1;
set log_min_error_statement = 'panic';
set password_encryption = 'scram-sha-256';
set client_min_messages = 'warning';

select format('create role %I login', missing.role)
from unnest(array['retail', 'airflow', 'retail_reader']) as missing (role)
where not exists (select from pg_roles where rolname = missing.role) \gexec

alter role retail password :'retail_password';
alter role airflow password :'airflow_password';
alter role retail_reader password :'reader_password';
alter role retail_reader set default_transaction_read_only = on;
alter role retail_reader set statement_timeout = '60s';
alter role retail_reader set idle_in_transaction_session_timeout = '60s';

select format('create database %I owner %I', missing.name, missing.name)
from unnest(array['retail', 'airflow']) as missing (name)
where not exists (select from pg_database where datname = missing.name) \gexec

revoke connect, temporary on database postgres, template1, retail, airflow from public;
grant connect on database retail to retail_reader;

-- What the reader may see in them, sql/grants.sql says, each time the pipeline applies the schema.
\connect retail
set client_min_messages = 'warning';
create schema if not exists meta authorization retail;
create schema if not exists silver authorization retail;
create schema if not exists gold authorization retail;

SQL
    echo "databases retail and airflow are ready; what retail_reader may read, sql/grants.sql says"
)
