"""The second opinion, on a real warehouse: with its real environment, and with doubles of its program that misbehave.

A double stands where the Python of the environment would.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from psycopg2.extensions import connection
from typer.testing import CliRunner

from medallion.database import transaction
from medallion.errors import NothingToDo, SecondOpinionFailed, ToolUnavailable
from medallion.settings import Settings
from medallion.tool_environments import LOCKS, folder_of_environment, stamp_of
from quality.anomalies.detectors import DETECTORS, ENVIRONMENT, PROGRAM
from quality.anomalies.opinion import read_opinion
from quality.anomalies.second_opinion import LEARNS, give_second_opinion
from stack.cli.app import app
from stack.host.environments import prepare_environment
from tests.homes import open_folder
from tests.queries import execute, rows

NIGHT = datetime(2026, 6, 20, 2, 30, tzinfo=timezone.utc)
ODD = "2026-06-17"
# Sums of eight stores over half a year as dbt builds them, with a little noise that is the same in every run.
MART = """
create table gold.mart_sales_by_hour as
select
    hour as sold_hour, store_id, 'store' as channel, 'EUR' as currency, hour::date as sold_date,
    count as sale_count, (count * price * 0.05)::numeric(18, 2) as returned_amount,
    (count * price * 0.95)::numeric(18, 2) as net_amount, (count * price * 0.1)::numeric(18, 2) as discount_amount,
    (count * price * 1.05)::numeric(18, 2) as gross_amount
from generate_series(timestamptz '{begins} 08:00+00', timestamptz '2026-06-20 01:00+00', interval '1 hour') as hour
cross join generate_series(1, 8) as store_id
cross join lateral (
    select
        store_id * 3 + abs(hashtext(store_id || hour::text)) % 5 as count,
        50 + abs(hashtext(hour::text || store_id)) % 7 as price
) as made
where extract(hour from hour) between 8 and 19;
insert into meta.load (run_id, layer, dataset, status, started_at, ended_at)
values ('hour', 'bronze', 'sales', 'SUCCESS', '2026-06-20 02:05+00', '2026-06-20 02:06+00');
"""
# A day on which store 3 sold a fifth, and took back most of it.
PLANTED = f"""
update gold.mart_sales_by_hour
set
    sale_count = sale_count / 5, returned_amount = net_amount * 0.7, net_amount = net_amount * 0.3,
    discount_amount = discount_amount * 4
where store_id = 3 and sold_date = '{ODD}'
"""
ANOMALY = """
insert into gold.kpi_anomaly (
    currency, level, member, direction, started_at, ended_at, status, grain, metric, other_metrics, observed, expected,
    lower_bound, upper_bound, effect, amount, score, explanation, run_id
)
values (
    'EUR', 'store', '3', 'below', '{begins}', '{ends}', 'ended', 'day', 'orders', '', 1, 5, 4, 6, -0.8, -100, 9, 'x',
    'r'
)
"""
DAYS = "select sold_date::text, store_id, currency, rank, score, detectors, why, agrees from gold.kpi_second_opinion"
# Scores each row by its distance from the middle: enough to test what is made of the scores.
DOUBLE = f"""#!{sys.executable}
import json, sys
asked = json.load(sys.stdin)
scores = [sum(map(abs, row)) for row in asked["rows"]]
top = sorted(range(len(scores)), key=lambda at: -scores[at])[: max(1, int(len(scores) * asked["share"]))]
names = asked["features"]
why = [sorted(names, key=lambda name: -abs(asked["rows"][at][names.index(name)])) for at in top]
json.dump({{"scores": scores, "top": top, "why": why}}, sys.stdout)
"""


@pytest.fixture(scope="module")
def outliers() -> Iterator[Path]:
    """The real environment, made once."""
    with open_folder() as folder:
        place = folder / ENVIRONMENT
        try:
            prepare_environment(place, LOCKS / f"{ENVIRONMENT}.txt")
        except ToolUnavailable as error:
            pytest.skip(f"NOT PROVED: that IsolationForest and ECOD find an unusual day. {error}")
        yield place


@pytest.fixture
def days(conn: connection) -> connection:
    """A warehouse with half a year of sales, one day of which is odd."""
    execute(conn, MART.format(begins="2025-12-20"))
    execute(conn, PLANTED)
    return conn


def stand_in(settings: Settings, program: str) -> None:
    """Put a double where the Python of the environment would be."""
    place = folder_of_environment(settings.retail_home, ENVIRONMENT)
    shutil.rmtree(place, ignore_errors=True)
    python = place / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(program)
    python.chmod(0o755)
    (place / "stamp").write_text(stamp_of(LOCKS / f"{ENVIRONMENT}.txt"))


def give(conn: connection, settings: Settings, **more: Any) -> str:
    return give_second_opinion(conn, settings, run_id="night", now=NIGHT, **more).summary()


def status(conn: connection) -> list[tuple[Any, ...]]:
    return rows(conn, "select status, last_date::text from meta.second_opinion")


def test_without_its_environment_the_step_is_skipped_with_the_command_and_installs_nothing(
    days: connection, settings: Settings
) -> None:
    with pytest.raises(NothingToDo, match=r"skipped: the environment outliers is not made.*retail env make"):
        give(days, settings)
    with transaction(days):
        assert read_opinion(days).summary() == "second opinion: skipped: ./retail env make outliers"
    assert not folder_of_environment(settings.retail_home, ENVIRONMENT).exists()


def test_an_environment_of_an_earlier_lock_is_not_used(days: connection, settings: Settings) -> None:
    stand_in(settings, DOUBLE)
    (folder_of_environment(settings.retail_home, ENVIRONMENT) / "stamp").write_text("of another lock\n")
    with pytest.raises(NothingToDo, match="out of date"):
        give(days, settings)


def test_a_night_writes_the_unusual_day_with_what_makes_it_so_and_another_night_writes_the_same(
    days: connection, settings: Settings
) -> None:
    stand_in(settings, DOUBLE)
    says = give(days, settings)
    assert says.startswith("second opinion (IsolationForest, ECOD) of 2026-06-19: ")
    written = rows(days, DAYS + " order by rank")
    first = written[0]
    assert first[:4] == (ODD, 3, "EUR", 1)
    assert first[5] == "IsolationForest, ECOD"
    assert "Return rate 70.0%, usually 5.0%" in first[6]
    assert first[7] is False
    assert all("2026-06-13" <= row[0] <= "2026-06-19" for row in written)
    assert give(days, settings) == says
    assert rows(days, DAYS + " order by rank") == written


@pytest.mark.parametrize(
    ("begins", "ends", "agrees"),
    [
        ("2026-06-17 10:00+00", "2026-06-17 12:00+00", True),
        ("2026-06-10 00:00+00", "2026-06-18 00:00+00", True),
        ("2026-06-18 00:00+00", "2026-06-19 00:00+00", False),
        ("2026-06-16 00:00+00", "2026-06-17 00:00+00", False),
    ],
)
def test_it_agrees_where_an_anomaly_of_that_store_has_lasted_on_that_day(
    days: connection, settings: Settings, begins: str, ends: str, *, agrees: bool
) -> None:
    stand_in(settings, DOUBLE)
    execute(days, ANOMALY.format(begins=begins, ends=ends))
    give(days, settings)
    assert rows(days, "select agrees from gold.kpi_second_opinion where rank = 1") == [(agrees,)]


def test_a_day_that_was_corrected_leaves_the_opinion(days: connection, settings: Settings) -> None:
    stand_in(settings, DOUBLE)
    give(days, settings)
    execute(days, f"delete from gold.mart_sales_by_hour where store_id = 3 and sold_date <= '{ODD}'")
    give(days, settings)
    assert (ODD, 3) not in rows(days, "select sold_date::text, store_id from gold.kpi_second_opinion")


def test_with_a_short_history_it_learns_and_asks_no_detector(conn: connection, settings: Settings) -> None:
    stand_in(settings, "#!/bin/sh\nexit 1\n")
    assert give(conn, settings) == f"second opinion: learning: 0 of {LEARNS} days"  # no mart yet
    execute(conn, MART.format(begins="2026-06-01"))
    assert give(conn, settings) == f"second opinion: learning: 19 of {LEARNS} days"
    assert status(conn) == [("learning", None)]


@pytest.mark.parametrize(
    ("program", "says"),
    [
        ("#!/bin/sh\necho Traceback >&2\necho 'MemoryError: no room' >&2\nexit 1\n", "MemoryError: no room"),
        ("#!/bin/sh\nkill -9 $$\n", "code -9"),
        ("#!/bin/sh\necho '{'\n", "its answer cannot be read"),
        ('#!/bin/sh\necho \'{"scores": [1], "top": [7], "why": [[]]}\'\n', "its answer is not one for"),
        ("#!/no/such/shell\n", "cannot be started"),
    ],
)
def test_a_program_that_crashes_fails_the_step_with_its_last_words_and_the_last_opinion_stays(
    days: connection, settings: Settings, program: str, says: str
) -> None:
    stand_in(settings, DOUBLE)
    give(days, settings)
    written = rows(days, DAYS)
    stand_in(settings, program)
    with pytest.raises(SecondOpinionFailed, match=f"no scores of IsolationForest: .*{says}") as failed:
        give(days, settings)
    assert "./retail env make outliers" in failed.value.remedy
    assert rows(days, DAYS) == written != []


def test_a_program_that_hangs_is_ended_in_time(days: connection, settings: Settings) -> None:
    stand_in(settings, "#!/bin/sh\nexec sleep 300\n")
    begun = time.monotonic()
    with pytest.raises(SecondOpinionFailed, match="IsolationForest: no answer within 1 s"):
        give(days, settings, seconds=1)
    assert time.monotonic() - begun < 15


def test_the_program_is_handed_no_secret(days: connection, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_API_KEY", "a-secret")
    stand_in(settings, "#!/bin/sh\nenv | sort | tr '\\n' ' ' >&2\nexit 1\n")
    with pytest.raises(SecondOpinionFailed, match="HOME=") as failed:
        give(days, settings)
    assert "a-secret" not in str(failed.value)
    assert "RETAIL" not in str(failed.value)


def test_the_commands_say_how_the_night_went(days: connection, settings: Settings, database_url: str) -> None:
    def said(*arguments: str) -> str:
        environment = {"DATABASE_URL": database_url, "RETAIL_HOME": str(settings.retail_home)}
        done = CliRunner().invoke(app, ["anomalies", *arguments], env=environment, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    assert "second opinion: none yet: ./retail env make outliers, then a night gives one" in said()
    stand_in(settings, DOUBLE)
    execute(days, ANOMALY.format(begins=f"{ODD} 10:00+00", ends=f"{ODD} 12:00+00"))
    line = give(days, settings)
    assert "1 of them known; ./retail anomalies opinion lists them" in line
    assert line in said()
    assert f"{ODD}  3 EUR" in said("opinion")
    listed = json.loads(said("opinion", "--json"))
    assert (listed["status"], listed["last_date"]) == ("given", "2026-06-19")
    assert {name: listed["days"][0][name] for name in ("sold_date", "store_id", "rank", "agrees")} == {
        "sold_date": ODD,
        "store_id": 3,
        "rank": 1,
        "agrees": True,
    }


@pytest.mark.slow
@pytest.mark.parametrize("detector", DETECTORS)
def test_a_real_detector_puts_the_odd_row_first_names_its_feature_and_answers_the_same_again(
    outliers: Path, detector: str
) -> None:
    table = [[((row * 37 + column * 11) % 101) / 101 for column in range(4)] for row in range(300)]
    table[123][2] = 40.0
    asked = {"detector": detector, "features": list("abcd"), "rows": table, "share": 0.01, "seed": 5}

    def answer() -> dict[str, Any]:
        command = [str(outliers / "bin" / "python"), "-I", str(PROGRAM)]
        done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, check=True)
        return dict(json.loads(done.stdout))

    found = answer()
    assert len(found["scores"]) == 300
    assert len(found["top"]) == len(found["why"]) == 3
    assert 123 in found["top"]
    assert found["why"][found["top"].index(123)][0] == "c"
    assert answer() == found


@pytest.mark.slow
def test_the_real_detectors_agree_on_the_odd_day_twice(days: connection, settings: Settings, outliers: Path) -> None:
    place = folder_of_environment(settings.retail_home, ENVIRONMENT)
    place.parent.mkdir(parents=True)
    place.symlink_to(outliers)
    says = give(days, settings)
    written = rows(days, DAYS + " order by rank")
    assert written[0][:4] == (ODD, 3, "EUR", 1), written
    assert "Return rate 70.0%, usually 5.0%" in written[0][6]
    assert give(days, settings) == says
    assert rows(days, DAYS + " order by rank") == written
