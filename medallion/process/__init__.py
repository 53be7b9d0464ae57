"""A step as a process: its command, its signals, its exit, and the places where a test may kill it."""
