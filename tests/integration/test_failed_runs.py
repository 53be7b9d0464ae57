"""`./retail run` that fails for real: the exit code is that of the error, and `status` shows the incident after it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Source
from tests.retail_cli import Retail, retail

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.timeout(400)]

BRONZE_TASKS = {"bronze_customers", "bronze_products", "bronze_stores", "bronze_sales"}


@pytest.fixture(scope="module")
def cli() -> Iterator[Retail]:
    with retail() as command:
        yield command


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "retail-tests", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("needs root and the right to mount a tmpfs")
    (disk / "ballast").write_bytes(b"\0" * os.statvfs(disk).f_bfree * os.statvfs(disk).f_frsize)
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def incidents(cli: Retail, **variables: str) -> dict[str, Any]:
    """Open incidents by task, as the status has them."""
    return {one["task_id"]: one for one in cli("status", "--json", **variables).json()["incidents"] or ()}


def test_a_full_disk_under_bronze_ends_with_exit_code_1_and_the_next_good_run_is_whole(
    cli: Retail, full_disk: Path
) -> None:
    failed = cli("run", BRONZE_URL=str(full_disk / "bronze"))
    assert "No space left on device" in failed.err
    assert failed.code == 1, failed.err
    assert "do: free space" in failed.err
    found = incidents(cli)
    assert found.keys() == BRONZE_TASKS
    assert "No space left on device" in found["bronze_sales"]["cause"]
    shown = cli("status").out
    assert "incident: sales (retail_etl_hourly bronze_sales) since " in shown
    assert "do: free space or" in shown

    assert cli("run").code == 0
    assert incidents(cli) == {}
    assert cli.processes() == []


def test_a_source_that_refuses_ends_with_exit_code_4_and_the_status_shows_it_until_the_next_good_run(
    cli: Retail, source: Source
) -> None:
    failed = cli("run", SOURCE_API_URL=source.url, SOURCE_API_KEY="not-the-key")
    assert failed.code == 4, failed.err
    assert "status 401" in incidents(cli)["bronze_sales"]["cause"]
    assert cli("run").code == 0
    assert incidents(cli) == {}


def test_a_warehouse_of_the_users_shows_the_incident_as_well(database_url: str, source: Source) -> None:
    with retail(DATABASE_URL=database_url, SOURCE_API_URL=source.url) as elsewhere:
        assert elsewhere("run", SOURCE_API_KEY="not-the-key").code == 4
        assert incidents(elsewhere).keys() == BRONZE_TASKS


def test_a_source_that_is_gone_shows_its_waits_and_each_task_once(cli: Retail) -> None:
    gone = {"SOURCE_API_URL": "http://127.0.0.1:9", "SOURCE_API_KEY": "any", "SOURCE_RETRY_SECONDS": "20"}
    failed = cli("run", seconds=400, **gone)
    assert failed.code == 4, failed.err
    assert "waiting: source: GET http://127.0.0.1:9/" in failed.err
    assert "upstream_failed" not in failed.err
    assert [line.split()[2:] for line in failed.err.splitlines() if " dbt_test " in line] == [["not", "started"]]
    what, why, remedy = failed.err.splitlines()[-3:]
    assert what.startswith("error: bronze_")
    assert what.endswith(" failed, 9 steps not started")
    assert "Connection refused" in why
    assert "SOURCE_API_URL" in remedy
