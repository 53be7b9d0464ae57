"""A page as Chromium shows it to a person who is logged in. No package drives it, but its DevTools protocol."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

from stack.commands.shifted_dates import unshifted
from tests.process_table import eventually

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")


@dataclass
class Page:
    """One tab."""

    socket: ClientConnection
    calls: int = 0

    def call(self, method: str, **parameters: Any) -> Any:
        self.calls += 1
        self.socket.send(json.dumps({"id": self.calls, "method": method, "params": parameters}))
        while (answer := json.loads(self.socket.recv(timeout=60))).get("id") != self.calls:
            pass
        return answer["result"]

    def open(self, url: str, **cookies: str) -> None:
        for name, value in cookies.items():
            self.call("Network.setCookie", name=name, value=value, url=url)
        self.call("Page.navigate", url=url)

    def text(self) -> str:
        """What a person can read; nothing that is hidden."""
        return str(self.call("Runtime.evaluate", expression="document.body.innerText")["result"].get("value", ""))


@contextmanager
def browser(folder: Path) -> Iterator[Page]:
    """A browser with an empty profile in that folder, which reaches this machine alone."""
    assert CHROMIUM is not None
    offline = ("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--proxy-server=direct://")
    place = (f"--user-data-dir={folder / 'profile'}", "--remote-debugging-port=0", "--window-size=1500,1000")
    log = folder / "chromium.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [CHROMIUM, *OPTIONS, *offline, *place, "about:blank"], stderr=output, env=unshifted(os.environ)
        )
    try:
        assert eventually(lambda: "DevTools listening on" in log.read_text(), 60), log.read_text()
        (port,) = re.findall(r"DevTools listening on ws://127\.0\.0\.1:(\d+)/", log.read_text())
        tabs = httpx.get(f"http://127.0.0.1:{port}/json", trust_env=False).json()
        address = next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
        with connect(address, max_size=None, proxy=None) as socket:
            yield Page(socket)
    finally:
        process.terminate()
        process.wait(30)
