"""Silver → Gold: the steps that have dbt build and test."""
