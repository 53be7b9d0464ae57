"""Bronze → Silver: the loaders of the Silver tables."""
