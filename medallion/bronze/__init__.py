"""Bronze files: written once, read, verified, expired."""
