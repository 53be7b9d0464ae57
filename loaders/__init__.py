"""Bronze → Silver: settings, the `meta` state, and the loaders of the four Silver tables."""
