"""Whatever Bronze lies in, a disk or an object store: it is written, read, verified, removed and rebuilt alike."""

from __future__ import annotations

from pathlib import Path

import pytest
from psycopg2.extensions import connection

from medallion.bronze.retention import expire_bronze
from medallion.bronze.store import Store, open_store
from medallion.bronze.verify import require_intact, verify_bronze
from medallion.errors import BronzeDamaged, ConfigurationError
from medallion.settings import PROJECT_ROOT, Settings
from medallion.state.receipts import all_receipts
from quality.rebuild import rebuild_in_place
from tests.conftest import Source
from tests.pipeline import build_untested, hour
from tests.product_files import product_files
from tests.queries import rows

SILVER = "select count(*), sum(quantity * unit_price - discount) from silver.sales_product"


@pytest.fixture(params=["file", "memory"])
def stored(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path) -> Settings:
    """Settings with Bronze in another kind of store."""
    path = tmp_path / "bronze"
    url = f"file://{path}" if request.param == "file" else f"memory://{path.parent.name}"
    return settings.model_copy(update={"bronze_url": url})


@pytest.fixture
def store(conn: connection, stored: Settings) -> Store:
    """The store after an hour."""
    hour(conn, stored)
    return open_store(stored.bronze_location)


def overwrite(store: Store, path: str, content: bytes) -> None:
    store.files.pipe_file(store.full(path), content)


def test_an_hour_lands_whole_files_and_silver_holds_what_the_source_sold(
    conn: connection, stored: Settings, store: Store, source: Source
) -> None:
    receipts = all_receipts(conn)
    assert store.paths() == sorted(one.path for one in receipts)
    assert [store.info(one.path)["size"] for one in receipts] == [one.bytes for one in receipts]
    assert require_intact(verify_bronze(conn, stored)).without_receipt == ()
    totals = source.data.totals(0, None)
    assert rows(conn, SILVER) == [(totals.lines, totals.net_amount)]


def test_a_damaged_file_a_missing_one_and_debris_are_told_apart(
    conn: connection, stored: Settings, store: Store
) -> None:
    changed, missing, *_ = all_receipts(conn)
    content = store.read(changed.path).read()
    overwrite(store, changed.path, content[:-2] + b" \n")
    store.remove(missing.path)
    overwrite(store, "sales_product/debris.ndjson", b"{}\n")
    found = verify_bronze(conn, stored)
    assert set(found.damaged) == {changed.path, missing.path}
    assert "sha256" in found.damaged[changed.path]
    assert "cannot be read" in found.damaged[missing.path]
    assert found.without_receipt == ("sales_product/debris.ndjson",)
    with pytest.raises(BronzeDamaged):
        require_intact(found)


def test_old_files_go_and_nothing_that_is_gone_already_stops_that(
    conn: connection, stored: Settings, store: Store
) -> None:
    with conn, conn.cursor() as cursor:
        cursor.execute("update meta.bronze_file set landed_at = landed_at - interval '40 days'")
    before = store.paths()
    store.remove(before[0])
    expired = expire_bronze(conn, stored.model_copy(update={"bronze_retention_days": 30.0}), run_id="r")
    assert expired.files == len(before)
    assert store.paths() == []


@pytest.mark.slow
def test_silver_and_gold_are_built_again_from_it(conn: connection, stored: Settings, store: Store) -> None:
    assert store.paths()
    build_untested(conn, stored)
    before = rows(conn, SILVER)
    with conn, conn.cursor() as cursor:
        cursor.execute("delete from silver.sales_product where sale_id % 3 = 0")
    rebuild_in_place(conn, stored, run_id="again")
    assert rows(conn, SILVER) == before


def test_a_store_that_nothing_was_written_to_has_no_files(stored: Settings) -> None:
    assert open_store(stored.bronze_location).paths() == []


def test_a_url_that_is_none_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="BRONZE_URL 'nowhere://x'"):
        open_store("nowhere://x")


def test_one_module_opens_the_store_of_bronze_and_one_the_inbox() -> None:
    importers = {
        str(file.relative_to(PROJECT_ROOT))
        for file in product_files()
        if "import fsspec" in file.read_text(encoding="utf-8")
    }
    assert importers == {"medallion/bronze/store.py", "ingestion/deliveries/inbox.py"}
