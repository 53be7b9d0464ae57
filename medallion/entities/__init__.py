"""Declarations of the source entities and their tables: one file per entity, data only, standard library only."""
