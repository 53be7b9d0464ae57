"""The start page of the platform, and its figures for Prometheus."""
