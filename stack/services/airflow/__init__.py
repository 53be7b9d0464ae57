"""Airflow on one machine: its processes, its metadata, its pools."""
