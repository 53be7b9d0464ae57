#!/bin/sh
# Everything that must be there before Airflow's services start. Each step may run again at any time.
set -eu
umask 077
airflow db migrate
airflow pools set retail_backfill "${BACKFILL_JOBS:-2}" "ranges of a backfill side by side (BACKFILL_JOBS)"
python -m loaders.schema
python "$(dirname "$0")/airflow_password.py"
