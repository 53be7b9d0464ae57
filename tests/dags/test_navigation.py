"""The entry *Retail* in the navigation of the web UI shows the start page, and a link in a menu leads to it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
import pytest

from portal.app import make_app
from tests.airflow_run import Hour
from tests.browser import CHROMIUM, Page, browser
from tests.conftest import NOON, serving
from tests.dags.test_home_page import web_ui
from tests.process_table import eventually

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian: apt install chromium); CI installs it"),
]


@pytest.mark.slow
def test_the_entry_shows_the_start_page_and_the_menu_leads_to_it(
    runs: Hour, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTAL_DATABASE_URL", "postgresql://reader:none@127.0.0.1:1/retail")
    monkeypatch.setenv("PORTAL_FOLDER", str(tmp_path / "report"))
    monkeypatch.setenv("PORTAL_HOME", str(tmp_path))
    with serving(make_app(lambda: NOON)) as portal:
        with web_ui(runs, tmp_path / "api.log", RETAIL_PORTAL_URL=portal) as url, browser(tmp_path) as page:
            port = int(url.rpartition(":")[2])
            (tmp_path / "state.json").write_text(json.dumps({"ports": {"airflow_port": port}}))
            token = httpx.get(f"{url}/auth/token", trust_env=False).json()["access_token"]
            page.open(url, _token=token)
            assert eventually(lambda: "Retail" in page.text(), 60), page.text()
            click(page, "Retail")
            assert eventually(lambda: "Where does the data stand?" in shown(page), 30), shown(page)
            assert page.call("Runtime.evaluate", expression="location.pathname")["result"]["value"] == "/plugin/retail"

            click(page, "Browse")
            assert eventually(lambda: "Retail start page" in page.text()), page.text()
            click(page, "Retail start page")
            assert eventually(lambda: f"{portal}/" in tabs(tmp_path), 30), tabs(tmp_path)


def click(page: Page, label: str) -> None:
    """A click where a person would click, as a script's click would do what a dead button does not."""
    box = f"JSON.stringify(document.querySelector('[aria-label=\"{label}\"]').getBoundingClientRect())"
    spot = json.loads(page.call("Runtime.evaluate", expression=box)["result"]["value"])
    where = {"x": spot["x"] + spot["width"] / 2, "y": spot["y"] + spot["height"] / 2}
    for kind in ("mousePressed", "mouseReleased"):
        page.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **where)


def shown(page: Page) -> str:
    """Every text of the tab, with that of its frames."""
    return "\n".join(page.call("DOMSnapshot.captureSnapshot", computedStyles=[])["strings"])


def tabs(folder: Path) -> list[str]:
    """The addresses of all tabs."""
    (port,) = re.findall(r"DevTools listening on ws://127\.0\.0\.1:(\d+)/", (folder / "chromium.log").read_text())
    return [one["url"] for one in httpx.get(f"http://127.0.0.1:{port}/json", trust_env=False).json()]
