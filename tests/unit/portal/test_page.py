"""The start page as HTML: what it says of each state, and that nothing foreign becomes part of it."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from portal.catalogue import SERVICES
from portal.page import content_security_policy, render_start_page
from portal.standing import Incident, Known, Revenue
from portal.states import State
from tests.unit.portal.test_metrics import NOON, RUN, STANDING

DOCS = next(one for one in SERVICES if one.name == "docs")
AIRFLOW, SUPERSET = SERVICES[0], SERVICES[1]
KNOWN = Known(STANDING, NOON, Revenue(date(2026, 11, 5), "EUR", Decimal(1200), Decimal(1000)), answers=True)


def text_of(page: str) -> str:
    return " ".join(re.sub(r"<(style|script)>.*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL).split())


def test_the_policy_allows_the_style_and_the_script_of_the_page_and_nothing_else() -> None:
    page, policy = render_start_page((), KNOWN, NOON), content_security_policy()
    for kind in ("style", "script"):
        (part,) = re.findall(rf"<{kind}>(.*?)</{kind}>", page, re.DOTALL) or [""]
        digest = base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy, kind
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert not re.search(r"\s(style|on\w+)=", page)
    assert not re.search(r"https?://(?!127\.0\.0\.1)", page)


def test_each_state_says_what_to_do() -> None:
    states = (
        State(AIRFLOW, "up", page="http://127.0.0.1:8080/"),
        State(SUPERSET, "off", command="./retail superset up"),
        State(DOCS, "down", "it was ended by SIGKILL", command="./retail docs"),
    )
    page = render_start_page(states, KNOWN, NOON)
    text = text_of(page)
    assert '<a href="http://127.0.0.1:8080/" rel="noopener">Airflow</a>' in page
    assert "./retail superset up starts it." in text
    assert "It was ended by SIGKILL. ./retail docs starts it." in text
    assert "✗ dbt docs down" in text
    assert "… 1 service starting" in text_of(render_start_page((State(DOCS, "starting"),), KNOWN, NOON))


def test_the_data_is_in_sentences_and_figures() -> None:
    text = text_of(render_start_page((), KNOWN, NOON))
    assert "Thursday brought €1,200, 20% more than the Thursday before." in text
    assert "4 checks found a difference that is still open" in text
    assert "Last run succeeded 1 hour ago, took 60 s" in text
    assert "Newest sale 5 minutes ago" in text
    running = replace(STANDING, last_run=replace(RUN, is_running=True, ended_at=None))
    assert "Last run running for 1 h 00 min" in text_of(render_start_page((), replace(KNOWN, standing=running), NOON))


def test_a_warehouse_that_is_down_shows_what_it_held_and_how_old_that_is() -> None:
    known = replace(KNOWN, problem="cannot connect to the warehouse", remedy="start it", answers=False)
    text = text_of(render_start_page((), known, NOON + timedelta(hours=3)))
    assert "cannot connect to the warehouse Do: start it" in text
    assert "This is what it held when it was last read, 3 hours ago (Nov 6, 2026, 12:00 UTC)." in text
    assert "Thursday brought €1,200" in text


def test_a_warehouse_that_was_never_read_shows_no_figures() -> None:
    assert "The warehouse has not answered yet." in text_of(render_start_page((), Known(), NOON))
    text = text_of(render_start_page((), Known(problem="cannot connect"), NOON))
    assert "cannot connect" in text
    assert "Last run" not in text


@pytest.mark.parametrize("foreign", ['<script>alert("x")</script>', "postgresql://me:canary-of-the-test@host/db"])
def test_foreign_text_is_shown_as_text_and_without_secrets(foreign: str) -> None:
    standing = replace(STANDING, incidents=(Incident("bronze_sales", NOON, foreign, foreign),))
    known = replace(KNOWN, standing=standing, problem=foreign)
    page = render_start_page((State(DOCS, "down", foreign),), known, NOON)
    assert foreign not in page
    assert "canary" not in page


def test_within_airflow_only_what_a_frame_may_show_is_a_link() -> None:
    states = tuple(State(one, "up", page=f"http://127.0.0.1:1/{one.name}") for one in SERVICES if one.page)
    framed = render_start_page(states, KNOWN, NOON, is_framed=True)
    links = set(re.findall(r'href="http://127\.0\.0\.1:1/(.*?)"', framed))
    assert links == {one.name for one in SERVICES if one.can_be_framed}
    assert "<code>http://127.0.0.1:1/superset</code>" in framed
    policy = content_security_policy(("http://127.0.0.1:8080", "http://localhost:8080"))
    assert policy.endswith("frame-ancestors http://127.0.0.1:8080 http://localhost:8080")
