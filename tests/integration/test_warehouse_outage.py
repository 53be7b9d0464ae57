"""A warehouse that does not answer is reported once, by whatever fails meanwhile, and once when it answers again."""

from __future__ import annotations

import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path

from medallion.alerting.failure import Failure
from medallion.alerting.incidents import report_unrecorded
from medallion.alerting.messages import Incident
from medallion.alerting.warehouse_outage import report_end, report_outage
from medallion.settings import Settings

NOW = datetime(2026, 11, 6, 12, tzinfo=timezone.utc)
REASON = "cannot connect to the warehouse: connection refused"


def failure(task_id: str = "bronze_sales", run_id: str = "run 1") -> Failure:
    return Failure("retail_etl_hourly", task_id, run_id, 1, REASON, "wait")


class Channel:
    """Who is notified; refuses while `down`."""

    def __init__(self, *, down: bool = False) -> None:
        self.down = down
        self.heard: list[Incident] = []

    def __call__(self, incident: Incident) -> None:
        if self.down:
            raise OSError("no answer")
        self.heard.append(incident)

    def statuses(self) -> list[str]:
        return [one.status for one in self.heard]


def test_an_outage_is_told_once_over_tasks_and_runs_and_so_is_its_end(tmp_path: Path) -> None:
    channel = Channel()
    for hour in range(3):
        for task_id in ("bronze_customers", "bronze_products", "bronze_sales"):
            later = NOW + timedelta(hours=hour)
            report_outage(tmp_path, failure(task_id, f"run {hour}"), REASON, later, {"email": channel})
    for _ in range(2):
        report_end(tmp_path, NOW + timedelta(hours=4), {"email": channel})
    assert channel.statuses() == ["OPEN", "CLOSED"]
    assert {(one.entity, one.opened_at, one.task_id) for one in channel.heard} == {
        ("warehouse", NOW, "bronze_customers")
    }
    assert channel.heard[1].closed_at == NOW + timedelta(hours=4)
    report_outage(tmp_path, failure(), REASON, NOW + timedelta(hours=5), {"email": channel})
    assert channel.statuses() == ["OPEN", "CLOSED", "OPEN"]


def test_an_end_without_an_outage_tells_nothing_and_leaves_no_file(tmp_path: Path) -> None:
    channel = Channel()
    report_end(tmp_path, NOW, {"email": channel})
    assert channel.heard == []
    assert list(tmp_path.iterdir()) == []


def test_a_channel_that_did_not_take_it_is_asked_again_and_the_others_are_not(tmp_path: Path) -> None:
    down, up = Channel(down=True), Channel()
    for _ in range(2):
        report_outage(tmp_path, failure(), REASON, NOW, {"email": down, "webhook": up})
    down.down = False
    for _ in range(2):
        report_outage(tmp_path, failure(), REASON, NOW, {"email": down, "webhook": up})
    assert (down.statuses(), up.statuses()) == (["OPEN"], ["OPEN"])


def test_an_outage_that_an_earlier_version_has_begun_to_report_goes_to_who_is_left(tmp_path: Path) -> None:
    down, up = Channel(down=True), Channel()
    report_outage(tmp_path, failure(), REASON, NOW, {"email": down, "webhook": up})
    (file,) = tmp_path.glob("*.json")
    file.write_text(file.read_text(encoding="utf-8").replace("pending_channels", "untold"), encoding="utf-8")
    down.down = False
    for _ in range(2):
        report_outage(tmp_path, failure(), REASON, NOW, {"email": down, "webhook": up})
    assert (down.statuses(), up.statuses()) == (["OPEN"], ["OPEN"])


def test_tasks_that_fail_at_once_tell_it_once(tmp_path: Path) -> None:
    channel, together = Channel(), threading.Barrier(6)

    def report(number: int) -> None:
        together.wait()
        report_outage(tmp_path, failure(f"task_{number}"), REASON, NOW, {"email": channel})

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(report, range(6)))
    assert channel.statuses() == ["OPEN"]


def test_a_file_that_is_not_whole_is_no_outage(tmp_path: Path) -> None:
    file = tmp_path / "warehouse-outage.json"
    file.write_text('{"dag_id": ')
    channel = Channel()
    report_outage(tmp_path, failure(), REASON, NOW, {"email": channel})
    assert channel.statuses() == ["OPEN"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_message_shows_no_secret(tmp_path: Path) -> None:
    settings = Settings(database_url="postgresql://retail:canary-password@host/db", retail_home=tmp_path)
    channel = Channel()
    reason = "cannot connect to the warehouse: postgresql://retail:canary-password@host/db"
    report_unrecorded(failure(), settings, reason, tmp_path, NOW, {"email": channel})
    assert "canary" not in str(channel.heard)
    assert "canary" not in (tmp_path / "warehouse-outage.json").read_text()
