"""Faults on demand (`SOURCE_CHAOS`): late and malformed records, answers that break, and a ledger of the truth."""
