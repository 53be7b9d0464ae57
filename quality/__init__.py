"""Checks across the layers: source = Bronze = Silver = Gold, the repair of a difference, the rebuild from Bronze."""
