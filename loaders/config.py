"""The settings, under their former name. They live in `medallion.settings`."""

from medallion.settings import *  # noqa: F403 - an alias of the whole module
