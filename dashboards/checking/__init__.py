"""Whether dashboards show the truth: each chart's figures next to a reference, and next to SQL over Gold."""
