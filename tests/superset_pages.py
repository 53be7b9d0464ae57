"""Dashboards as a browser shows them to somebody who has logged in."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import httpx

from dashboards.declared import Dashboard
from tests.browser import Page
from tests.process_table import eventually

# What Superset says where a chart should be.
FAILURES = ("Data error", "Unexpected error", "No results were returned", "An error occurred")
_LOADING = "document.querySelectorAll('[data-test=\"loading-indicator\"], .ant-spin-spinning, .loading').length"
_HOLDERS = "document.querySelectorAll('.dashboard-component-chart-holder').length"
_DRAWN = "document.querySelectorAll('.slice_container, [data-test=\"slice-container\"]').length"
# Text of a chart that does not fit: it would have a scroll bar, or end in the middle of a word.
_CUT = """
[...document.querySelectorAll('.header-title, .header-line, .subheader-line')]
    .filter(one => one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 0).map(one => one.innerText).join('|')
"""


def session_of(address: str, user: str, password: str) -> str:
    """The cookie of a login by the form, as a person logs in."""
    with httpx.Client(base_url=address, trust_env=False) as client:
        page = client.get("/login/").text
        found = re.search(r"csrf_token&#34;: &#34;([^&]+)&#34;", page) or re.search(
            r'csrf_token[^>]*value="([^"]+)"', page
        )
        token = {"csrf_token": found[1]} if found else {}
        answer = client.post("/login/", data={"username": user, "password": password, **token})
        assert answer.status_code == 302, answer.text
        assert "login" not in answer.headers["location"], "the login was refused"
        return str(client.cookies["session"])


def open_dashboard(page: Page, address: str, session: str, slug: str, width: int, height: int = 2000) -> None:
    """Open a dashboard and wait until each of its charts is drawn."""
    page.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
    page.call("Network.enable")
    page.open(f"{address}/superset/dashboard/{slug}/", session=session)
    assert eventually(lambda: _is_drawn(page), 120), page.text()


def cut_off(page: Page) -> str:
    """Titles and numbers that do not fit into their place."""
    return str(_value(page, _CUT))


def height_of(dashboard: Dashboard) -> int:
    """The pixels that a dashboard needs: its rows of eight pixels a unit, with their gaps, below the head."""
    return 190 + sum(8 * row.height + 16 for row in dashboard.rows)


def save_picture(page: Page, file: Path, width: int, height: int) -> None:
    """Save the upper part of what the page shows as PNG."""
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
    file.write_bytes(base64.b64decode(page.call("Page.captureScreenshot", format="png", clip=clip)["data"]))


def _is_drawn(page: Page) -> bool:
    holders, drawn = _value(page, _HOLDERS), _value(page, _DRAWN)
    return bool(holders) and drawn >= holders and _value(page, _LOADING) == 0


def _value(page: Page, expression: str) -> int:
    found: int = page.call("Runtime.evaluate", expression=expression)["result"].get("value", 0)
    return found
