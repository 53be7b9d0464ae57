"""Nightly tables: built whole as of a business date, once by the first hourly run, then by the nightly run alone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from psycopg2.extensions import connection

from gold import build as gold
from gold import dbt_runner
from medallion.errors import DataQualityError, EntityLocked, GoldBuildFailed, NothingToDo
from medallion.process.steps import NIGHTLY_MARTS
from medallion.settings import Settings
from quality import rebuild
from report.pipeline import read_pipeline
from stack.commands.run_progress import _NIGHTLY_FAILED
from tests.dbt_copies import project_copy
from tests.integration.test_gold_rebuild import build_by_hand, execute, sell
from tests.pipeline import build_untested
from tests.queries import rows

NOW = datetime(2026, 11, 6, 2, 15, tzinfo=timezone.utc)
DAY = date(2026, 11, 5)
# A mart as another team would write one, a table that stands on it, and a test that compares the mart with the fact.
MART = """
{{ config(contract={'enforced': false}) }}
select {{ business_date() }} as as_of, count(*) as line_count, {{ gold_load_id() }} as _load_id
from {{ ref('sales_item') }}
where sold_date <= {{ business_date() }}
"""
AFTER = """
{{ config(contract={'enforced': false}) }}
select line_count, {{ gold_load_id() }} as _load_id from {{ ref('mart_so_far') }}
"""
COMPARED = """
select mart.line_count
from {{ ref('mart_so_far') }} as mart
where mart.line_count <> (select count(*) from {{ ref('sales_item') }} where sold_date <= mart.as_of)
"""
SO_FAR = "select as_of, line_count from gold.mart_so_far"


@pytest.fixture
def mart_so_far(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """The dbt project in a copy that has these nightly models alone. Returns the folder of the copy."""
    with project_copy(settings, tmp_path) as copy:
        folder = copy / "models" / "gold" / "nightly"
        shutil.rmtree(folder)
        folder.mkdir()
        shutil.rmtree(copy / "tests" / "nightly")
        shutil.rmtree(folder.with_name("dashboards"))  # it reads nightly models, as do these
        for name in ("metrics.yml", "exposures.yml", "dashboards.yml"):
            (copy / "models" / name).unlink()
        (folder / "mart_so_far.sql").write_text(MART, encoding="utf-8")
        (folder / "mart_after.sql").write_text(AFTER, encoding="utf-8")
        (copy / "tests" / "so_far_is_that_of_the_fact.sql").write_text(COMPARED, encoding="utf-8")
        for module in (gold, rebuild):
            monkeypatch.setattr(module, "NIGHTLY_MARTS", ("gold.mart_after", "gold.mart_so_far"))
        yield copy


def hour(conn: connection, settings: Settings, now: datetime = NOW, *, full_refresh: bool = False) -> None:
    """The Gold steps of an hourly run, with its clock."""
    told: dict[str, Any] = {"run_id": "hour", "full_refresh": full_refresh}
    gold.prepare(conn, settings, **told)
    gold.build_core(conn, settings, **told)
    gold.build_mart(conn, settings, now=now, **told)
    gold.check_gold(conn, settings, run_id="hour")


def night(conn: connection, settings: Settings, now: datetime = NOW) -> None:
    gold.build_nightly(conn, settings, run_id="night", now=now)


def built(conn: connection) -> list[tuple[Any, ...]]:
    return rows(conn, "select model, business_date, load_id from meta.nightly_build order by model")


@pytest.mark.slow
@pytest.mark.usefixtures("mart_so_far")
def test_the_first_hour_builds_a_nightly_table_and_no_later_one_touches_it(
    conn: connection, settings: Settings
) -> None:
    sell(conn, settings, 1, customer_id=1)
    hour(conn, settings)
    first = built(conn)
    assert [row[:2] for row in first] == [("mart_after", DAY), ("mart_so_far", DAY)]
    assert rows(conn, SO_FAR) == [(DAY, 1)]
    sell(conn, settings, 2, customer_id=2)
    hour(conn, settings, NOW + timedelta(days=1))
    assert (built(conn), rows(conn, SO_FAR)) == (first, [(DAY, 1)])
    night(conn, settings, NOW + timedelta(days=1))
    assert rows(conn, SO_FAR) == [(DAY + timedelta(days=1), 2)]
    assert rows(conn, "select line_count from gold.mart_after") == [(2,)]
    assert gold.gold_due(conn) == []
    assert rows(conn, "select * from meta.gold_state where model in (select model from meta.nightly_build)") == []


@pytest.mark.slow
@pytest.mark.usefixtures("mart_so_far")
def test_a_sale_after_the_business_date_waits_for_its_night(conn: connection, settings: Settings) -> None:
    sell(conn, settings, 1, customer_id=1, sold_at="2026-11-05T23:59:59Z")
    sell(conn, settings, 2, customer_id=1, sold_at="2026-11-06T00:00:00Z")
    hour(conn, settings)
    assert rows(conn, SO_FAR) == [(DAY, 1)]
    night(conn, settings, datetime(2026, 11, 7, tzinfo=timezone.utc))
    assert rows(conn, SO_FAR) == [(DAY + timedelta(days=1), 2)]


@pytest.mark.slow
@pytest.mark.usefixtures("mart_so_far")
def test_a_full_refresh_builds_all_nightly_tables_again(conn: connection, settings: Settings) -> None:
    sell(conn, settings, 1, customer_id=1)
    hour(conn, settings)
    execute(conn, "update gold.mart_so_far set line_count = 7; update gold.mart_after set line_count = 7")
    hour(conn, settings, full_refresh=True)
    assert rows(conn, SO_FAR) == [(DAY, 1)]
    assert rows(conn, "select line_count from gold.mart_after") == [(1,)]


@pytest.mark.slow
def test_a_nightly_table_that_fails_in_an_hour_is_a_warning_and_the_hour_goes_on(
    conn: connection, settings: Settings, mart_so_far: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Else it would stop the tests of every hour, and have each build all of Gold from the beginning."""
    sell(conn, settings, 1, customer_id=1)
    hour(conn, settings)
    model = mart_so_far / "models" / "gold" / "nightly" / "mart_so_far.sql"
    model.write_text(MART.replace("count(*)", "1 / (count(*) - 2)"), encoding="utf-8")
    sell(conn, settings, 2, customer_id=2)
    gold.prepare(conn, settings, run_id="hour", full_refresh=True)
    gold.build_core(conn, settings, run_id="hour", full_refresh=True)
    built_marts = gold.build_mart(conn, settings, run_id="hour", full_refresh=True, now=NOW)
    (warning,) = built_marts.warnings
    assert "mart_so_far" in warning
    assert _NIGHTLY_FAILED.findall(caplog.text.encode()) == [warning.encode()]  # what `./retail run` shows
    gold.check_gold(conn, settings, run_id="hour")
    with pytest.raises(NothingToDo):
        gold.prepare(conn, settings, run_id="next")
    failed = "select dataset from meta.load where layer = 'gold' and status = 'FAILED' and run_id = 'hour'"
    assert rows(conn, failed) == [("dbt_run_nightly",)]
    assert read_pipeline(conn, NOW).has_stale_nightly
    with pytest.raises(GoldBuildFailed, match="mart_so_far"):
        night(conn, settings)
    model.write_text(MART, encoding="utf-8")
    night(conn, settings)
    assert not read_pipeline(conn, NOW).has_stale_nightly


@pytest.mark.slow
@pytest.mark.usefixtures("mart_so_far")
def test_an_older_run_that_is_tried_again_takes_no_table_back(conn: connection, settings: Settings) -> None:
    sell(conn, settings, 1, customer_id=1, sold_at="2026-11-06T10:00:00Z")
    hour(conn, settings, NOW + timedelta(days=2))
    night(conn, settings, NOW)
    assert rows(conn, SO_FAR) == [(DAY + timedelta(days=2), 1)]
    hour(conn, settings, NOW, full_refresh=True)
    assert rows(conn, SO_FAR) == [(DAY + timedelta(days=2), 1)]
    gold.build_nightly(conn, settings, run_id="by hand", now=NOW, as_of=DAY)
    assert rows(conn, SO_FAR) == [(DAY, 0)]


@pytest.mark.slow
@pytest.mark.usefixtures("mart_so_far")
def test_a_nightly_table_that_is_missing_comes_with_the_next_hour_and_so_does_what_it_reads(
    conn: connection, settings: Settings
) -> None:
    """The table that is read may be of an earlier business date. A table that reads the missing one waits."""
    sell(conn, settings, 1, customer_id=1)
    hour(conn, settings)
    execute(conn, "drop table gold.mart_after")
    execute(conn, "update gold.mart_so_far set line_count = 7")
    sell(conn, settings, 2, customer_id=2)
    hour(conn, settings, NOW + timedelta(days=1))
    assert rows(conn, "select line_count from gold.mart_after") == [(2,)]
    assert rows(conn, SO_FAR) == [(DAY + timedelta(days=1), 2)]
    execute(conn, "drop table gold.mart_so_far; update gold.mart_after set line_count = 7")
    sell(conn, settings, 3, customer_id=3)
    hour(conn, settings, NOW + timedelta(days=1))
    assert rows(conn, SO_FAR) == [(DAY + timedelta(days=1), 3)]
    assert rows(conn, "select line_count from gold.mart_after") == [(7,)]


@pytest.mark.slow
@pytest.mark.usefixtures("mart_so_far")
def test_what_compares_a_nightly_table_with_the_fact_is_checked_by_the_night_alone(
    conn: connection, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A late sale changes the fact, and the table only at night: until then the two differ by right."""
    sell(conn, settings, 1, customer_id=1)
    hour(conn, settings)
    sell(conn, settings, 2, customer_id=2)
    hour(conn, settings)
    gold.check_all_gold(conn, settings, run_id="checks")
    assert rows(conn, SO_FAR) == [(DAY, 1)]
    text = MART.replace("count(*)", "count(*) + 1")
    (dbt_runner.PROJECT_DIR / "models" / "gold" / "nightly" / "mart_so_far.sql").write_text(text, encoding="utf-8")
    with pytest.raises(DataQualityError, match="so_far_is_that_of_the_fact"):
        night(conn, settings)


@pytest.mark.slow
def test_a_build_that_fails_leaves_the_table_of_the_night_before(
    conn: connection, settings: Settings, mart_so_far: Path
) -> None:
    sell(conn, settings, 1, customer_id=1)
    hour(conn, settings)
    before = built(conn)
    model = mart_so_far / "models" / "gold" / "nightly" / "mart_so_far.sql"
    model.write_text(MART.replace("count(*)", "1 / (count(*) - 1)"), encoding="utf-8")
    with pytest.raises(GoldBuildFailed, match="mart_so_far"):
        night(conn, settings, NOW + timedelta(days=1))
    assert (built(conn), rows(conn, SO_FAR)) == (before, [(DAY, 1)])


@pytest.mark.slow
def test_a_nightly_table_is_built_from_no_gold_that_is_behind_or_not_tested(
    conn: connection, settings: Settings
) -> None:
    with pytest.raises(NothingToDo):
        night(conn, settings)
    sell(conn, settings, 1, customer_id=1)
    build_untested(conn, settings)
    sell(conn, settings, 2, customer_id=2)
    with pytest.raises(EntityLocked, match="behind Silver"):
        night(conn, settings)
    gold.build_core(conn, settings, run_id="hour")
    gold.build_mart(conn, settings, run_id="hour")
    with pytest.raises(EntityLocked, match="behind Silver"):
        night(conn, settings)
    gold.check_gold(conn, settings, run_id="hour")
    night(conn, settings)


@pytest.mark.slow
def test_without_a_business_date_a_nightly_model_is_refused(conn: connection, settings: Settings) -> None:
    sell(conn, settings, 1, customer_id=1)
    build_untested(conn, settings)
    found = dbt_runner.invoke(conn, settings, ["run", "--select", "tag:nightly"], "by hand")
    with pytest.raises(GoldBuildFailed, match="a nightly model needs a business date"):
        dbt_runner.built_by(found)
    assert built(conn) == []
    build_by_hand(conn, settings, "--select", "tag:nightly", RETAIL_BUSINESS_DATE="2026-11-05")
    assert {row[1] for row in built(conn)} == {DAY}


@pytest.mark.slow
@pytest.mark.usefixtures("mart_so_far")
def test_a_rebuild_compares_a_nightly_table_until_gold_has_changed_since(
    conn: connection, beside: connection, settings: Settings
) -> None:
    sell(conn, settings, 1, customer_id=1)
    hour(conn, settings)
    found = rebuild.rebuild_beside(conn, beside, settings, run_id="rebuild")
    assert {one.table for one in found.tables} > {"gold.mart_after", "gold.mart_so_far", "gold.sales_item"}
    assert rows(beside, SO_FAR) == [(DAY, 1)]
    execute(conn, "update gold.mart_so_far set line_count = 7")
    drop = "drop schema gold cascade; drop schema silver cascade; drop schema meta cascade"
    execute(beside, drop)
    with pytest.raises(DataQualityError, match=r"gold\.mart_so_far: "):
        rebuild.rebuild_beside(conn, beside, settings, run_id="rebuild")
    sell(conn, settings, 2, customer_id=2)
    hour(conn, settings)
    execute(beside, drop)
    found = rebuild.rebuild_beside(conn, beside, settings, run_id="rebuild")
    assert found.skipped[0].endswith("builds them): gold.mart_after, gold.mart_so_far")
    assert "not compared, as Gold has changed since they were built" in found.summary()


@pytest.mark.slow
@pytest.mark.usefixtures("mart_so_far")
def test_a_rebuild_during_which_a_night_passes_compares_nothing(
    conn: connection, beside: connection, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    sell(conn, settings, 1, customer_id=1)
    hour(conn, settings)
    load_and_build = rebuild._load_and_build

    def meanwhile(*arguments: Any) -> None:
        load_and_build(*arguments)
        night(conn, settings, NOW + timedelta(days=1))

    monkeypatch.setattr(rebuild, "_load_and_build", meanwhile)
    with pytest.raises(EntityLocked, match="built nightly tables during the rebuild"):
        rebuild.rebuild_beside(conn, beside, settings, run_id="rebuild")


@pytest.mark.slow
@pytest.mark.usefixtures("mart_so_far")
def test_a_rebuild_in_place_builds_a_nightly_table_for_its_own_business_date(
    conn: connection, settings: Settings
) -> None:
    sell(conn, settings, 1, customer_id=1)
    hour(conn, settings)
    execute(conn, "update gold.mart_so_far set line_count = 7")
    rebuild.rebuild_in_place(conn, settings, run_id="rebuild")
    assert rows(conn, SO_FAR) == [(DAY, 1)]


def test_the_nightly_models_of_dbt_are_those_of_the_steps_and_each_says_why_it_is_one() -> None:
    folder = dbt_runner.PROJECT_DIR / "models" / "gold" / "nightly"
    assert sorted(f"gold.{file.stem}" for file in folder.glob("*.sql")) == sorted(NIGHTLY_MARTS)
    for file in folder.glob("*.sql"):
        assert "nightly_because: " in file.with_suffix(".yml").read_text(encoding="utf-8"), file.stem
