"""The settings, under the name by which they were first known. They live in `medallion.settings`."""

from medallion.settings import *  # noqa: F403 - an alias of the whole module
