"""Where customers live, and the store that each place is nearest to.

A place is listed as often as it weighs. The places of a country stand together, so that a customer who moves within it
is a draw between two numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from backend.dataset.store_catalog import STORES

# Towns without a store of their own: name, region, country, the city of the nearest store, weight.
_TOWNS = (
    ("Versailles", "Île-de-France", "FR", "Paris", 6),
    ("Saint-Denis", "Île-de-France", "FR", "Paris", 6),
    ("Villeurbanne", "Auvergne-Rhône-Alpes", "FR", "Lyon", 4),
    ("Saint-Étienne", "Auvergne-Rhône-Alpes", "FR", "Lyon", 3),
    ("Nice", "Provence-Alpes-Côte d'Azur", "FR", "Marseille", 4),
    ("Montpellier", "Occitanie", "FR", "Toulouse", 3),
    ("Rennes", "Bretagne", "FR", "Nantes", 3),
    ("Annecy", "Auvergne-Rhône-Alpes", "FR", "Chamonix", 1),
    ("Bayonne", "Nouvelle-Aquitaine", "FR", "Biarritz", 1),
    ("Namur", "Wallonie", "BE", "Bruxelles", 2),
    ("Gent", "Vlaanderen", "BE", "Antwerpen", 2),
    ("Bonn", "Nordrhein-Westfalen", "DE", "Köln", 3),
    ("Offenburg", "Baden-Württemberg", "DE", "Freiburg", 1),
    ("Esch-sur-Alzette", "Luxembourg", "LU", "Luxembourg", 1),
    ("Nyon", "Vaud", "CH", "Genève", 2),
    ("Montreux", "Vaud", "CH", "Lausanne", 2),
    ("Winterthur", "Zürich", "CH", "Zürich", 2),
)
_PER_PLACE = 5  # of a store's size
DIALLING_CODES = {"FR": "+33", "BE": "+32", "LU": "+352", "DE": "+49", "CH": "+41"}


@dataclass(frozen=True)
class Place:
    """A place to live: `store_id` is the nearest store."""

    city: str
    region: str
    country: str
    store_id: int


def _all_places() -> list[Place]:
    found = []
    for number, store in enumerate(STORES, 1):
        found += [Place(store.city, store.region, store.country, number)] * max(1, store.size // _PER_PLACE)
    nearest = {store.city: number for number, store in reversed(list(enumerate(STORES, 1)))}
    for city, region, country, near, weight in _TOWNS:
        found += [Place(city, region, country, nearest[near])] * weight
    return sorted(found, key=lambda one: one.country)


_PLACES = _all_places()
_COUNTRIES = [one.country for one in _PLACES]
PLACES = pl.DataFrame([vars(one) for one in _PLACES])
# For each place the first of its country, and how many that has: a resident's next home lies among them.
FIRST_OF_COUNTRY = pl.Series([_COUNTRIES.index(one) for one in _COUNTRIES], dtype=pl.Int64)
SIZE_OF_COUNTRY = pl.Series([_COUNTRIES.count(one) for one in _COUNTRIES], dtype=pl.Int64)
