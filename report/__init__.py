"""The sales report: one self-contained page from Gold and the state in `meta`."""
