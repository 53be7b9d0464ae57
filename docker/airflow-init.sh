#!/bin/sh
# Everything that must be there before Airflow's services start. Each step may run again at any time.
set -eu
umask 077
# The login of the warehouse's owner is for the schema alone.
owner=$DATABASE_URL
unset DATABASE_URL
airflow db migrate
airflow pools set retail_backfill "${BACKFILL_JOBS:-2}" "ranges of a backfill in parallel (BACKFILL_JOBS)"
DATABASE_URL=$owner python -m medallion.schema
python "$(dirname "$0")/airflow_password.py"
