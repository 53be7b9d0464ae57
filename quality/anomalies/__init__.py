"""Anomalies of the business: KPIs that are not where their own past says that they should be."""
