"""The version of the platform: the one place that has it. The launcher reads it from this file's text."""

VERSION = "0.1.0"
