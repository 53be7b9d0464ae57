"""The server of the sales report: what it answers without a warehouse, and to another host's name."""

from __future__ import annotations

import socket
import time
from threading import Thread
from typing import TYPE_CHECKING

import httpx
import pytest
import uvicorn

from report.serve import make_app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[httpx.Client]:
    """The server, with a warehouse that does not answer."""
    monkeypatch.setenv("REPORT_DATABASE_URL", "postgresql://reader:canary@127.0.0.1:1/retail")
    monkeypatch.setenv("REPORT_FOLDER", str(tmp_path))
    server = uvicorn.Server(uvicorn.Config(make_app(), log_level="warning"))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        thread = Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        with httpx.Client(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}", trust_env=False) as client:
            yield client
        server.should_exit = True
        thread.join()


def test_a_page_without_its_warehouse_is_an_error_of_three_lines(app: httpx.Client) -> None:
    answer = app.get("/")
    assert answer.status_code == 503
    assert [line.split(":")[0].strip() for line in answer.text.splitlines()] == ["error", "why", "do"]
    assert "canary" not in answer.text


def test_the_server_is_alive_without_its_warehouse(app: httpx.Client) -> None:
    assert app.get("/livez").text == "ok\n"


def test_a_page_is_refused_under_the_name_of_another_host(app: httpx.Client) -> None:
    assert app.get("/", headers={"Host": "shop.example.org"}).status_code == 400
