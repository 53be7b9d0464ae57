"""What the block about anomalies says: what is open and what it comes to, what is over, and what silence means."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from report.anomalies import Anomalies, Judged, Unusual, show_anomalies

NOW = datetime(2023, 11, 30, 12, tzinfo=timezone.utc)
OPEN = Unusual(
    anomaly_id=7,
    currency="EUR",
    level="store",
    member="3",
    metric="orders",
    started_at=NOW - timedelta(hours=4),
    ended_at=NOW,
    status="open",
    effect=Decimal("-0.42"),
    amount=Decimal(-800),
    explanation="Orders of store 3 (Lyon): 42% below what was expected.",
    suppressed_because=None,
    verdict=None,
    note=None,
)
ENDED = replace(
    OPEN, anomaly_id=6, status="ended", started_at=NOW - timedelta(days=3), ended_at=NOW - timedelta(days=2)
)
DOUBTFUL = replace(ENDED, anomaly_id=5, status="suppressed", suppressed_because="incident 4 is open")
HOURS = Judged("hour", NOW, "hours: judged until 2023-11-30 12:00 UTC")
DAYS = Judged("day", NOW.replace(hour=0), "days: judged until 2023-11-30 00:00 UTC")
LEARNING = Judged("day", None, "days: learning, 9 of 36 days")
UNTIL = "ours judged until Nov 30, 2023, 12:00 UTC, days judged until Nov 30, 2023, 00:00 UTC"


def shown(*found: Unusual, judged: tuple[Judged, ...] = (HOURS, DAYS)) -> dict[str, Any]:
    return show_anomalies(Anomalies(found, judged))


def test_without_an_anomaly_the_answer_says_until_when_was_judged() -> None:
    assert shown() == {"answer": f"Nothing unusual: h{UNTIL}.", "mark": "", "rows": [], "rest": "", "note": ""}


def test_while_it_learns_it_says_so() -> None:
    assert shown(judged=(HOURS, LEARNING))["answer"] == (
        "Nothing unusual: hours judged until Nov 30, 2023, 12:00 UTC, days: learning, 9 of 36 days."
    )
    both = (replace(LEARNING, grain="hour", says="hours: learning, 9 of 15 days"), LEARNING)
    assert shown(judged=both)["answer"] == (
        "Nothing was judged yet: hours: learning, 9 of 15 days, days: learning, 9 of 36 days."
    )


def test_a_judgement_that_fails_is_not_silence() -> None:
    failed = tuple(replace(one, says="not judged: the disk is full") for one in (HOURS, DAYS))
    assert shown(judged=failed)["answer"] == f"Nothing unusual: h{UNTIL}, but now not judged: the disk is full."
    never = tuple(replace(one, until=None) for one in failed)
    assert shown(judged=never)["answer"] == "Nothing was judged yet: not judged: the disk is full."


def test_what_is_missing_names_its_command() -> None:
    assert "./retail schema makes it" in show_anomalies(Anomalies(is_there=False))["answer"]
    assert "./retail run" in shown(judged=())["answer"]


def test_what_is_open_comes_to_an_amount_in_each_currency() -> None:
    assert shown(OPEN)["answer"] == "1 anomaly is open: about €800 less than expected."
    swiss = replace(OPEN, currency="CHF", amount=Decimal(50))
    block = shown(OPEN, replace(OPEN, member="4", amount=Decimal(-100)), swiss, ENDED)
    assert block["answer"] == "3 anomalies are open: about CHF 50 more and €900 less than expected."
    assert (block["mark"], block["note"]) == ("bad", f"H{UNTIL}.")


def test_sales_that_two_anomalies_share_count_once() -> None:
    total = replace(OPEN, anomaly_id=8, level="total", member="", amount=Decimal(-1000))
    again = replace(OPEN, anomaly_id=9, started_at=NOW - timedelta(hours=1), amount=Decimal(-90))
    assert shown(total, OPEN, again)["answer"].endswith("about €1,000 less than expected.")
    before = replace(total, started_at=NOW - timedelta(days=9), ended_at=NOW - timedelta(days=8))
    assert shown(before, OPEN, again)["answer"].endswith("about €1,800 less than expected.")
    same = replace(OPEN, anomaly_id=10, level="category", member="Tea")
    assert shown(OPEN, same)["answer"].endswith("about €800 less than expected.")


def test_what_has_a_verdict_or_is_over_is_no_alarm() -> None:
    known = replace(OPEN, verdict="ok", note="closed for a wedding")
    block = shown(known, ENDED, DOUBTFUL)
    assert block["mark"] == ""
    assert block["answer"] == (
        "Nothing is open that waits for a verdict. Of the last 7 days: 1 open with a verdict, 1 ended, 1 not judged."
    )
    words = [(row["status"], row["until"], row["why"], row["verdict"], row["mark"]) for row in block["rows"]]
    assert words == [
        ("open", "", "", "Verdict: nothing was wrong, closed for a wedding.", ""),
        ("ended", "Nov 28, 2023, 12:00 UTC", "", "", ""),
        ("not judged", "", "Not judged: incident 4 is open.", "", ""),
    ]
    assert shown(replace(OPEN, verdict="fault", note=""))["rows"][0]["verdict"] == "Verdict: a fault."


def test_a_row_says_what_since_when_and_how_much() -> None:
    (row,) = shown(OPEN)["rows"]
    found = [row[name] for name in ("id", "what", "since", "effect", "amount", "status", "mark")]
    assert found == [7, "Orders, store 3", "Nov 30, 2023, 08:00 UTC", "−42%", "€800 less", "open", "bad"]
    other = replace(OPEN, level="total", member="", metric="new_one", effect=Decimal("3.1"), amount=Decimal(9))
    (row,) = shown(other)["rows"]
    assert [row[name] for name in ("what", "effect", "amount")] == ["New one, all sales", "+310%", "€9 more"]


def test_more_than_ten_are_counted() -> None:
    block = shown(*(replace(OPEN, anomaly_id=n, member=str(n)) for n in range(12)))
    assert (len(block["rows"]), block["rest"]) == (10, "2 more: ./retail anomalies lists them.")
