"""Makes the pictures of docs/dashboards.md again, from the Superset of this RETAIL_HOME: docs/images/make calls it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from dashboards.declared import read_dashboards
from medallion.settings import PROJECT_ROOT
from stack.cli.context import open_home
from stack.services.ports import HOST, remembered_port
from stack.services.superset import password_of
from tests.browser import browser
from tests.superset_pages import height_of, open_dashboard, save_picture, session_of

FOLDER = PROJECT_ROOT / "docs" / "images"
WIDTH = 1440


def make_pictures(folder: Path = FOLDER, width: int = WIDTH) -> None:
    """A picture of each dashboard as a viewer sees it. Superset has to run: `./retail superset up`."""
    home, _ = open_home()
    address = f"http://{HOST}:{remembered_port(home, 'superset_port')}"
    session = session_of(address, "viewer", password_of(home, "viewer"))
    with tempfile.TemporaryDirectory() as profile, browser(Path(profile)) as page:
        for dashboard in read_dashboards():
            open_dashboard(page, address, session, dashboard.slug, width)
            save_picture(page, folder / f"{dashboard.slug}.png", width, height_of(dashboard))


if __name__ == "__main__":
    make_pictures()
