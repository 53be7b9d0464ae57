"""The state in `meta`: watermarks, receipts, loads, gaps, locks, checks. Each module's SQL is in a file next to it."""
