"""What is started and stopped: processes, ports, the source API, Postgres, Airflow."""
