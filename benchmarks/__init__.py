"""Comparisons of speed, side by side in one run: `./retail bench`, or `python -m benchmarks`."""
