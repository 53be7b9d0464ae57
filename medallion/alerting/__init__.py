"""Incidents: opened when something starts failing, counted while it does, closed when it works again."""
