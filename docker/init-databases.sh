#!/usr/bin/env bash
# Roles and databases of the platform. The postgres image runs this once, when its volume is empty; running it again
# changes nothing but the passwords, which become those of the environment:
#   docker compose exec postgres bash /docker-entrypoint-initdb.d/init-databases.sh
#
# The roles and their limits stand in sql/roles.sql. psql reads the passwords from its environment: as arguments, every
# process of the container could read them. The server hashes them, and is told first not to log these statements, not
# even when one fails.

# In a subshell: the image sources a script that has lost its executable bit, and must not inherit these options.
(
    set -eu
    : "${RETAIL_DB_PASSWORD:?}" "${RETAIL_INGESTION_PASSWORD:?}" "${RETAIL_TRANSFORMATION_PASSWORD:?}"
    : "${RETAIL_READER_PASSWORD:?}" "${RETAIL_ANALYST_PASSWORD:?}" "${AIRFLOW_DB_PASSWORD:?}"
    : "${RETAIL_ROLES_FILE:?}" "${RETAIL_HARDENING_FILE:?}"
    export PGPASSWORD="${PGPASSWORD:-${POSTGRES_PASSWORD:?}}"

    psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username=postgres --dbname=postgres <<'SQL'
\getenv roles_file RETAIL_ROLES_FILE
\getenv retail_password RETAIL_DB_PASSWORD
\getenv ingestion_password RETAIL_INGESTION_PASSWORD
\getenv transformation_password RETAIL_TRANSFORMATION_PASSWORD
\getenv reader_password RETAIL_READER_PASSWORD
\getenv analyst_password RETAIL_ANALYST_PASSWORD
\getenv airflow_password AIRFLOW_DB_PASSWORD

set client_min_messages = 'warning';
\i :roles_file

set log_statement = 'none';
set log_min_duration_statement = -1;
set log_min_error_statement = 'panic';
set password_encryption = 'scram-sha-256';

alter role retail password :'retail_password';
alter role retail_ingestion password :'ingestion_password';
alter role retail_transformation password :'transformation_password';
alter role retail_reader password :'reader_password';
alter role retail_analyst password :'analyst_password';
alter role airflow password :'airflow_password';

select format('create database %I owner %I', missing.name, missing.name)
from unnest(array['retail', 'airflow']) as missing (name)
where not exists (select from pg_database where datname = missing.name) \gexec

revoke connect, temporary on database postgres, template1, retail, airflow from public;
grant connect on database retail to retail_reader;
grant connect, temporary on database retail to retail_ingestion, retail_transformation, retail_analyst;

-- What the roles may do in them, sql/grants.sql says, each time the pipeline applies the schema.
\connect retail
set client_min_messages = 'warning';
create schema if not exists meta authorization retail;
create schema if not exists silver authorization retail;
create schema if not exists gold authorization retail;
\getenv hardening_file RETAIL_HARDENING_FILE
\i :hardening_file

SQL
    echo "databases retail and airflow are ready; what each role may do in retail, sql/grants.sql says"
)
