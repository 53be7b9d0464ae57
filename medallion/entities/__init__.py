"""What the source has and what it becomes: one file per entity, data only, of the standard library only."""
