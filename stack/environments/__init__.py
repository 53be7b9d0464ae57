"""Locks of the environments of tools, one `.txt` each, and the programs of ours that run inside such an environment."""
