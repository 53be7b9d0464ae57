"""Faults of the business on demand (`SOURCE_ANOMALIES`): sales that stop, rise or are priced wrongly, and a ledger."""
