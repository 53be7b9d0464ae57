"""Dashboards as code: declared in superset/, compiled to Superset's assets, applied and checked over its API."""
