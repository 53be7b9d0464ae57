"""What `meta` keeps: watermarks, receipts, loads, gaps, locks, checks. The statements of a module stand beside it."""
