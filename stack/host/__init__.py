"""What the commands find on this machine: the home folder, settings, signals, logs, the console."""
