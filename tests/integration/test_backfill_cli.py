"""`./retail backfill` as a person runs it: real processes, interrupted, gone on with, and then the hour."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg2
import pytest

from medallion.database import connect
from medallion.errors import DatabaseError, RetailError
from stack.services.warehouse import logins
from tests.process_table import eventually
from tests.queries import rows
from tests.retail_cli import Retail, retail

pytestmark = pytest.mark.timeout(400)

HISTORY = {
    "SOURCE_SALES_PER_HOUR": "2500",
    "SOURCE_START": "2026-11-01T00:00:00Z",
    "SOURCE_NOW": "2026-11-05T00:00:00Z",
    "BACKFILL_JOBS": "2",
    "BRONZE_PART_BYTES": "1000000",  # many parts, so that it can be met in the middle
}
POSITIONS = "select sum(coalesce(cursor_value, from_id - 1) - from_id + 1) from meta.sales_backfill"


@pytest.fixture(scope="module")
def cli() -> Iterator[Retail]:
    with retail(**HISTORY) as command:
        yield command


def positions(cli: Retail) -> int:
    """Ids that are in Bronze, as the backfill under way has them; 0 before it began."""
    try:
        with connect(logins(cli.home)["retail"].url(cli.port("POSTGRES_PORT"))) as conn:
            return int(rows(conn, POSITIONS)[0][0] or 0)
    except (DatabaseError, psycopg2.Error, RetailError):
        return 0


@pytest.mark.slow
def test_a_backfill_that_is_interrupted_goes_on_where_it_stood_and_the_hour_follows(cli: Retail) -> None:
    with cli.start("backfill") as running:
        assert eventually(lambda: positions(cli) > 0, 90), running.said()
        assert running.press_ctrl_c() == 130, running.said()
    assert cli.processes() == []
    left = cli("plan", "--json").json()["backfill"]
    assert left["ranges"] > 1
    assert 0 < left["ids_done"] < left["ids"]

    with cli.start("backfill") as running:
        assert eventually(lambda: positions(cli) > left["ids_done"], 90), running.said()
        running.process.kill()  # alone: what it started works on, and is ended by the next one
        running.process.wait()
        done = cli("backfill", "--json").json()
    assert done["ranges"] <= left["ranges"]
    assert done["last_id"] in (left["ids"], None)  # the killed one's processes may have had the time to finish
    assert cli("backfill", "--json").json()["ranges"] == 0  # nothing is left
    assert cli("plan", "--json").json()["backfill"] is None

    report = cli("run", "--json").json()["report"]
    sales = report["rows"]["silver"]["sales_customer"]
    assert sales == left["ids"]
    (headers,) = (one for one in report["bronze"] if one["dataset"] == "sales_customer")
    assert headers["records"] == sales  # a part that was pulled was not pulled again
    assert report["rows"]["gold"]["sales_item"] == report["rows"]["silver"]["sales_product"]


@pytest.mark.slow
def test_a_backfill_that_ended_between_bronze_and_silver_is_loaded_and_a_step_speaks_for_itself() -> None:
    with retail(**HISTORY) as cli:
        with cli.start("backfill") as running:
            running.says("source → Bronze", 120)
            running.press_ctrl_c()
        with cli.start("backfill", SOURCE_API_KEY="canary-key", SOURCE_API_URL="http://127.0.0.1:9") as running:
            assert running.process.wait(120) == 4, running.said()
        assert "canary-key" not in running.said()
        done = cli("backfill", "--json").json()
        assert done["ranges"] == 0
        plan = cli("plan", "--json").json()
        assert plan["bronze_files"] == {}
        assert cli.processes() == []
