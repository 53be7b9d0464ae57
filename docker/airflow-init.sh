#!/bin/sh
# Everything that must be there before Airflow's services start. Each step may run again at any time.
set -eu
umask 077
airflow db migrate
python -m loaders.schema
python /opt/retail/docker/airflow_password.py
