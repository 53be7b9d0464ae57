"""Silver → Gold: the steps that run dbt to build and test."""
