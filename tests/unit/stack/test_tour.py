"""The tour: the commands that it prints."""

from __future__ import annotations

from datetime import datetime, timezone

from stack.commands.tour import steps

NOW = datetime(2026, 11, 6, 12, 34, 56, tzinfo=timezone.utc)


def test_the_tour_loads_looks_breaks_resumes_and_compares() -> None:
    shown = [step.command() for step in steps(NOW)]
    assert shown[0] == "SOURCE_NOW=2026-11-04T12:00:00Z ./retail run"
    assert shown[2].startswith("SOURCE_NOW=2026-11-05T06:00:00Z RETAIL_FAIL_POINT=silver.copied ./retail run --chaos ")
    assert shown[4] == shown[2].replace("RETAIL_FAIL_POINT=silver.copied ", "")
    assert shown[6:] == ["SOURCE_NOW=2026-11-05T12:00:00Z ./retail reconcile --all", "./retail verify"]
    assert [step.exit_code for step in steps(NOW)] == [0, 0, 1, 0, 0, 0, 0, 0]
