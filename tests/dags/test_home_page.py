"""The home page of the web UI shows no alarm for a triggerer, as none is meant to run."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from medallion.database import connect
from stack.services.airflow.service import HOME_PAGE_THEME
from tests.airflow_run import AIRFLOW, Hour
from tests.browser import CHROMIUM, browser
from tests.ports import free_port
from tests.process_table import eventually

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian: apt install chromium); CI installs it"),
]
BADGES = ("MetaDatabase", "Scheduler", "Triggerer", "Dag Processor")
BEAT = "insert into job (job_type, state, latest_heartbeat) values ('TriggererJob', 'running', now())"


@pytest.mark.slow
def test_a_triggerer_is_shown_only_once_one_runs(runs: Hour, tmp_path: Path) -> None:
    metadata = runs.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg2", "")
    with web_ui(runs, tmp_path / "api.log", AIRFLOW__API__THEME=HOME_PAGE_THEME) as url, browser(tmp_path) as page:
        token = httpx.get(f"{url}/auth/token", trust_env=False).json()["access_token"]
        page.open(url, _token=token)
        assert eventually(lambda: "Dag Processor" in page.text(), 60), page.text()
        assert [badge for badge in BADGES if badge in page.text()] == [*BADGES[:2], BADGES[3]]
        with connect(metadata) as conn, conn, conn.cursor() as cursor:
            cursor.execute(BEAT)
        page.open(url)
        assert eventually(lambda: all(badge in page.text() for badge in BADGES), 60), page.text()


@contextmanager
def web_ui(runs: Hour, log: Path, **environment: str) -> Iterator[str]:
    """An API server to which everyone is an administrator."""
    port = free_port()
    everyone = {"AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True", "AIRFLOW__API__SECRET_KEY": "x" * 32}
    command = [*AIRFLOW, "api-server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    url = f"http://127.0.0.1:{port}"
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, env=os.environ | runs.environment | everyone | environment, stdout=output, stderr=output
        )
    try:
        assert eventually(lambda: answers(f"{url}/api/v2/monitor/health"), 90), log.read_text()
        yield url
    finally:
        server.terminate()
        server.wait(30)


def answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.HTTPError:
        return False
