"""Figures for Prometheus: each metric has HELP and TYPE, and what is not known has no sample."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from prometheus_client.parser import text_string_to_metric_families

from portal.catalogue import SERVICES
from portal.metrics import write_metrics
from portal.standing import Check, Holding, Known, Run, Standing
from portal.states import State

NOON = datetime(2026, 11, 6, 12, tzinfo=timezone.utc)
RUN = Run("r", NOON - timedelta(hours=1), NOON - timedelta(minutes=59), is_running=False, has_failed=False, records=5)
STANDING = Standing(
    last_run=RUN,
    last_ended_run=RUN,
    pulled_at=NOON,
    newest_sale_at=NOON - timedelta(minutes=5),
    open_incidents=2,
    has_unchecked=False,
    has_stale_nightly=False,
    open_records=3,
    open_anomalies=4,
    watermarks={"sales": NOON - timedelta(seconds=90)},
    checks=(Check("stores", "BALANCED", NOON, 0), Check("sales_product", "DIFFERENT", NOON, 0)),
    differences={"sales_product": 4},
    holdings=(Holding("silver", "stores", 7),),
)
STATES = tuple(
    State(one, name)  # type: ignore[arg-type]
    for one, name in zip(SERVICES, ("up", "off", "starting", "down"), strict=False)
)


def parsed(text: str) -> dict[str, float]:
    """Samples by name and labels, as Prometheus' own parser reads them."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        assert (family.type, bool(family.documentation)) == ("gauge", True)
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sample.labels.items())
            named = f"{sample.name}{{{labels}}}" if labels else sample.name
            assert named not in found, f"{named} is there twice"
            found[named] = sample.value
    return found


def test_each_figure_is_a_sample() -> None:
    found = parsed(write_metrics(STATES, Known(STANDING, NOON, answers=True), NOON))
    assert found['retail_up{service="airflow-api-server"}'] == 1
    assert found['retail_up{service="docs"}'] == 0
    assert 'retail_up{service="superset"}' not in found  # nobody has started it: that is no alarm
    assert found["retail_last_run_success"] == 1
    assert found["retail_last_run_duration_seconds"] == 60
    assert found["retail_last_run_timestamp_seconds"] == RUN.ended_at.timestamp()  # type: ignore[union-attr]
    assert found['retail_watermark_age_seconds{entity="sales"}'] == 90
    assert (found["retail_open_incidents"], found["retail_quarantined_records"]) == (2, 3)
    assert found["retail_open_anomalies"] == 4
    assert found['retail_rows{layer="silver",table="stores"}'] == 7
    assert found['retail_reconciliation_open_differences{dataset="sales_product"}'] == 4
    assert found['retail_reconciliation_open_differences{dataset="stores"}'] == 0
    assert found['retail_build_info{version="0.1.0"}'] == 1


@pytest.mark.parametrize(
    "known", [Known(), Known(STANDING, NOON, problem="cannot connect"), Known(problem="no tables yet", answers=True)]
)
def test_a_warehouse_that_is_down_has_no_figures(known: Known) -> None:
    found = parsed(write_metrics(STATES, known, NOON))
    assert {name.partition("{")[0] for name in found} == {"retail_build_info", "retail_up"}


def test_a_run_that_failed_is_no_success_and_one_under_way_is_not_the_last() -> None:
    failed = replace(RUN, has_failed=True)
    standing = replace(STANDING, last_run=replace(RUN, is_running=True), last_ended_run=failed)
    assert parsed(write_metrics((), Known(standing, NOON, answers=True), NOON))["retail_last_run_success"] == 0


def test_text_in_a_label_cannot_end_it() -> None:
    standing = replace(STANDING, holdings=(Holding("silver", 'a"} 1\n\\retail_up 9', 7),))
    found = parsed(write_metrics((), Known(standing, NOON, answers=True), NOON))
    assert found['retail_rows{layer="silver",table="a"} 1\n\\retail_up 9"}'] == 7
    assert "retail_up" not in found


def test_names_are_those_of_the_convention() -> None:
    names = {
        name.partition("{")[0] for name in parsed(write_metrics(STATES, Known(STANDING, NOON, answers=True), NOON))
    }
    assert all(re.fullmatch(r"retail_[a-z_]+", name) for name in names)
    assert not [name for name in names if "timestamp" in name and not name.endswith("_timestamp_seconds")]
    assert not [name for name in names if name.endswith("_total")]  # those are counters
