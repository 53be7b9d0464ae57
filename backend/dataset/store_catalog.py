"""The stores of the retailer: where they stand, how large they are, when they open, close and change.

Days count from the start of the data set: those below zero lie before the first sale.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StoreFact:
    """A store for life. `size`: its share of sales, next to those of the others. `season`: when it sells most.

    `opens`, `closes` and `refitted` are days; a refit gives the store the format and name in `becomes`.
    """

    name: str
    format: str
    city: str
    region: str
    country: str
    currency: str
    size: int
    opens: int
    season: str = "town"
    closes: int | None = None
    refitted: int | None = None
    becomes: tuple[str, str] | None = None


_IDF, _ARA, _PACA = "Île-de-France", "Auvergne-Rhône-Alpes", "Provence-Alpes-Côte d'Azur"
# In the order of their ids, from 1.
STORES = (
    StoreFact("Paris Rivoli", "flagship", "Paris", _IDF, "FR", "EUR", 150, -4_900),
    StoreFact("Paris Bercy", "city", "Paris", _IDF, "FR", "EUR", 80, -3_200),
    StoreFact("Lyon Part-Dieu", "flagship", "Lyon", _ARA, "FR", "EUR", 95, -4_100),
    StoreFact("Marseille Vieux-Port", "city", "Marseille", _PACA, "FR", "EUR", 70, -3_600),
    StoreFact("Lille Centre", "city", "Lille", "Hauts-de-France", "FR", "EUR", 60, -2_700),
    StoreFact("Toulouse Capitole", "city", "Toulouse", "Occitanie", "FR", "EUR", 55, -2_400),
    StoreFact(
        *("Bordeaux Lac", "suburb", "Bordeaux", "Nouvelle-Aquitaine", "FR", "EUR", 45, -1_900),
        refitted=150,
        becomes=("outlet", "Bordeaux Lac Outlet"),
    ),
    StoreFact("Nantes Atlantis", "suburb", "Nantes", "Pays de la Loire", "FR", "EUR", 40, -1_500),
    StoreFact("Biarritz Plage", "resort", "Biarritz", "Nouvelle-Aquitaine", "FR", "EUR", 35, -2_100, "sea"),
    StoreFact("Chamonix Mont-Blanc", "resort", "Chamonix", _ARA, "FR", "EUR", 32, -1_800, "mountain"),
    StoreFact("Strasbourg Kléber", "city", "Strasbourg", "Grand Est", "FR", "EUR", 38, -1_100),
    StoreFact("Bruxelles Toison d'Or", "flagship", "Bruxelles", "Bruxelles-Capitale", "BE", "EUR", 75, -2_900),
    StoreFact("Liège Médiacité", "suburb", "Liège", "Wallonie", "BE", "EUR", 28, -1_300, closes=260),
    StoreFact("Antwerpen Meir", "city", "Antwerpen", "Vlaanderen", "BE", "EUR", 42, 60),
    StoreFact("Köln Schildergasse", "city", "Köln", "Nordrhein-Westfalen", "DE", "EUR", 52, -900),
    StoreFact("Freiburg Altstadt", "city", "Freiburg", "Baden-Württemberg", "DE", "EUR", 26, 170),
    StoreFact("Luxembourg Gare", "city", "Luxembourg", "Luxembourg", "LU", "EUR", 30, -700),
    StoreFact("Genève Rive", "flagship", "Genève", "Genève", "CH", "CHF", 68, -2_300),
    StoreFact(
        *("Lausanne Flon", "city", "Lausanne", "Vaud", "CH", "CHF", 44, -1_000),
        refitted=230,
        becomes=("flagship", "Lausanne Flon"),
    ),
    StoreFact("Zürich Löwenstrasse", "city", "Zürich", "Zürich", "CH", "CHF", 40, 110),
)
