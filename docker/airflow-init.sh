#!/bin/sh
# Everything that must be there before Airflow's services start. Each step may run again at any time.
set -eu
umask 077
airflow db migrate
python -m loaders.schema
python "$(dirname "$0")/airflow_password.py"
