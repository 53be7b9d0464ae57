"""The start page: states and figures in, HTML out. It needs no other file, and its script is allowed by its hash."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from medallion.wording import age_of, counted
from portal.places import without_any_secret
from report import words
from report.page import CSS as REPORT_CSS
from report.trust import Verdict, verdict_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from portal.standing import Holding, Known, Run
    from portal.states import State

_HERE = Path(__file__).parent
_LAYERS = ("bronze", "silver", "gold")
# What the page calls each state, and the colour of the words.
_STATES = {
    "up": ("up", "good"),
    "starting": ("starting", "wait"),
    "down": ("down", "bad"),
    "off": ("not started", "off"),
}


def render_start_page(states: Sequence[State], known: Known, now: datetime, *, is_framed: bool = False) -> str:
    """The page as HTML. `is_framed`: as it is shown within Airflow, whose frames may not open another window."""
    styles, script = _parts()
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            css=Markup(styles),  # noqa: S704 - our own file
            script=Markup(script),  # noqa: S704 - our own file
            now=now,
            services=[_service(one, is_framed=is_framed) for one in states],
            is_framed=is_framed,
            summary=_summary(states),
            known=known,
            verdict=_verdict(known, now),
            figures=_figures(known, now),
            layers=_layers(known),
            incidents=[
                {"task": one.task_id, "since": age_of(one.opened_at, now)}
                | {name: without_any_secret(getattr(one, name)) for name in ("cause", "remedy")}
                for one in (known.standing.incidents or () if known.standing else ())
            ],
            problem=without_any_secret(known.problem),
            last_known=age_of(known.read_at, now) if known.read_at else "",
        )
    )


def content_security_policy(ancestors: Sequence[str] = ()) -> str:
    """What the page may load and run: its own style and script, by their hashes, and itself again.

    `ancestors`: the only pages that may show it within a frame of theirs.
    """
    styles, script = (_hash_of(part) for part in _parts())
    return (
        f"default-src 'none'; style-src '{styles}'; script-src '{script}'; connect-src 'self'; img-src data:; "
        f"base-uri 'none'; form-action 'none'; {frame_ancestors(ancestors)}"
    )


def frame_ancestors(ancestors: Sequence[str]) -> str:
    """The part of a policy that says which pages may frame this one; without any, none may."""
    return "frame-ancestors " + (" ".join(ancestors) or "'none'")


@lru_cache(maxsize=1)
def _parts() -> tuple[str, str]:
    styles = REPORT_CSS.read_text(encoding="utf-8") + (_HERE / "page.css").read_text(encoding="utf-8")
    return styles, (_HERE / "page.js").read_text(encoding="utf-8")


def _hash_of(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"at": words.at, "number": words.number, "counted": counted}
    return environment


def _service(state: State, *, is_framed: bool) -> dict[str, Any]:
    name, mark = _STATES[state.name]
    return {
        "id": state.service.name,
        "label": state.service.label,
        "about": state.service.about,
        "state": name,
        "mark": mark,
        "page": state.page,
        "note": state.note,
        "is_link": state.service.can_be_framed or not is_framed,
        "more": {"label": state.service.more[0], "page": state.more} if state.service.more and state.more else None,
        "why": without_any_secret(state.why),
        "command": state.command,
    }


def _summary(states: Sequence[State]) -> dict[str, str]:
    """The state of the platform in a few words."""
    names = {name: [one.service.label for one in states if one.name == name] for name in _STATES}
    if names["down"]:
        return {"mark": "bad", "words": f"{', '.join(names['down'])} down"}
    if names["starting"]:
        return {"mark": "unknown", "words": f"{counted(len(names['starting']), 'service')} starting"}
    return {"mark": "good", "words": f"{counted(len(names['up']), 'service')} up"}


def _verdict(known: Known, now: datetime) -> Verdict:
    if known.standing is None:
        return Verdict("unknown", "not known yet")
    return verdict_of(known.standing.facts(), now)


def _figures(known: Known, now: datetime) -> list[dict[str, str]]:
    """The figures of the data: a label, a value, and a note under it."""
    standing = known.standing
    if standing is None:
        return []

    def moment(label: str, at: datetime | None, none: str) -> dict[str, str]:
        return {"label": label, "value": age_of(at, now) if at else "–", "note": words.at(at) if at else none}

    return [
        _run(standing.last_run, now),
        moment("Newest sale", standing.newest_sale_at, "no sale yet"),
        moment("Last pull of sales", standing.pulled_at, "none yet"),
        {
            "label": "Open incidents",
            "value": words.number(standing.open_incidents),
            "note": f"{counted(standing.open_anomalies, 'open anomaly', 'open anomalies')}, "
            f"{counted(standing.open_records, 'record')} in quarantine",
            "mark": "bad" if standing.open_incidents else "",
        },
    ]


def _run(run: Run | None, now: datetime) -> dict[str, str]:
    if run is None:
        return {"label": "Last run", "value": "–", "note": "the next full hour makes one, or ./retail run"}
    took = words.duration(run.seconds(now))
    if run.is_running:
        return {"label": "Last run", "value": "running", "note": f"for {took}", "mark": ""}
    state, mark = ("failed", "bad") if run.has_failed else ("succeeded", "good")
    return {"label": "Last run", "value": state, "note": f"{age_of(run.started_at, now)}, took {took}", "mark": mark}


def _layers(known: Known) -> list[dict[str, Any]]:
    """Each layer with its records and its largest tables."""
    holdings = known.standing.holdings or () if known.standing else ()
    return [_layer(name, [one for one in holdings if one.layer == name]) for name in _LAYERS if holdings]


def _layer(name: str, holdings: Sequence[Holding]) -> dict[str, Any]:
    largest = sorted(holdings, key=lambda one: (-one.records, one.name))
    return {
        "name": name.capitalize(),
        "records": words.number(sum(one.records for one in holdings)),
        "tables": [{"name": one.name, "records": words.number(one.records)} for one in largest],
    }
