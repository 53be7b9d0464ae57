"""The entry *Retail* in the navigation of Airflow's web UI: the start page of the platform.

The only plugin of this folder. Airflow finds it by the entry point in `retail_navigation-1.dist-info`, wherever its
setting for plugins points to (docs/decisions/0036). Every process of Airflow imports it: it imports next to nothing.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import quote

from airflow.plugins_manager import AirflowPlugin

ADDRESS = "RETAIL_PORTAL_URL"
# A shop front, in the grey of the other icons.
_SHAPE = "M4 4h16l1.5 5.5a3 3 0 0 1-2.5 2.4V20H5v-8.1a3 3 0 0 1-2.5-2.4zM9.5 20v-5h5v5"
_DRAWN = f'<path d="{_SHAPE}" fill="none" stroke="{{colour}}" stroke-width="1.8" stroke-linejoin="round"/>'


def views(address: str | None) -> list[dict[str, Any]]:
    """The entry, and a link in the menu *Browse*; none without an address, as under `./retail run`, which has no page.

    The entry shows the start page within Airflow. A frame there may open no other window, so the link leads to the page
    itself. The entry is no link, as Airflow 3.3 makes of one a button that leads nowhere.
    """
    if not address:
        return []
    icons = {"icon": _icon("#3f3f46"), "icon_dark_mode": _icon("#d4d4d8")}
    framed = {"href": f"{address}/airflow", "url_route": "retail", "nav_top_level": True}
    return [
        {"name": "Retail", "destination": "nav", **framed, **icons},
        {"name": "Retail start page", "destination": "nav", "href": address, "category": "browse", **icons},
    ]


def _icon(colour: str) -> str:
    """The icon as an address that needs no server."""
    drawn = _DRAWN.format(colour=colour)
    return "data:image/svg+xml," + quote(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">{drawn}</svg>')


class RetailNavigation(AirflowPlugin):
    """The plugin, as Airflow wants it."""

    name = "retail_navigation"
    external_views = views(os.environ.get(ADDRESS))
