"""The API's own page, as a person's browser shows it, with no way out to the internet."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from stack.commands.shifted_dates import unshifted
from tests.conftest import Source

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian: apt install chromium); CI installs it")
def test_documentation_page_without_internet_lists_every_resource(source: Source, tmp_path: Path) -> None:
    assert CHROMIUM is not None
    offline = ("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--proxy-server=direct://")
    command = [CHROMIUM, "--headless", "--no-sandbox", f"--user-data-dir={tmp_path}", *offline]
    page = subprocess.run(
        [*command, "--virtual-time-budget=10000", "--dump-dom", f"{source.url}/docs"],
        env=unshifted(os.environ),  # its network service crashes under libfaketime
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    ).stdout
    for path in ("/customers", "/products", "/sales", "/sales/totals", "/livez", "/readyz"):
        assert f'data-path="{path}"' in page
    assert "Authorize" in page
