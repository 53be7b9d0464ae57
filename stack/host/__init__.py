"""The machine as the commands use it: the home folder, settings, signals, logs, the console."""
