"""The services that are started and stopped: processes, ports, the source API, Postgres, Airflow."""
