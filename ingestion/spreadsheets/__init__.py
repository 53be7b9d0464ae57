"""Cells of workbooks that other people made: guarded, read in a process of its own, and none lost on the way."""
