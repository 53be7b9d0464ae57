"""Source → Bronze for files that people hand over: found in an inbox, read by the layout of their entity."""
