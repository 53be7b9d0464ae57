"""The commands of an operator on a real platform: one step by hand, the schema, backup, restore, export."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from tests.deliveries import HEADER, put, sheet, top_up
from tests.retail_cli import Retail, retail

TABLES = (
    "select format('%I.%I', schemaname, tablename) from pg_tables "
    "where schemaname in ('meta', 'silver', 'gold') "
    "and tablename not in ('applied_schema', 'lock', 'lock_holder') order by 1"
)
HASH = "select '{0}', count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) from {0} as t"


def hashes(command: Retail) -> list[str]:
    """Name, number of rows and a hash of every table that describes data."""
    names = command("psql", "-XAtc", TABLES).out.split()
    return command("psql", "-XAtc", " union all ".join(map(HASH.format, names))).out.splitlines()


@pytest.fixture(scope="module")
def cli() -> Iterator[Retail]:
    """A platform whose Bronze and Silver were filled by hand."""
    with retail() as command:
        for entity in ("customers", "products", "sales"):
            ended = command("pull", entity)
            assert ended.code == 0, ended.err
            assert f"{entity}: " in ended.out
        yield command
        assert command.processes() == []


def test_a_table_is_loaded_by_hand_and_then_the_others(cli: Retail) -> None:
    assert "silver.products: 20 records of 1 file: 20 inserted" in cli("load", "products").out
    said = cli("load").out
    assert "silver.products: nothing new" in said
    assert "silver.customers: " in said
    assert "inserted" in said
    assert cli("psql", "-XAtc", "select count(*) > 100 from silver.sales_customer").out.strip() == "t"
    stopped = cli("status", "--json").json()
    assert stopped["report"]["rows"]["silver"]["products"] == 20
    assert stopped["services"][0]["state"] == "stopped"
    assert stopped["read_at"]
    refused = cli("pull", "shelves")
    assert (refused.code, "customers, products, stores, sales" in refused.err) == (2, True)
    assert cli("load", "shelves").code == 2


def test_retention_removes_nothing_unless_it_is_set(cli: Retail) -> None:
    assert "every Bronze file stays" in cli("retention").err
    assert cli("retention", "--json", BRONZE_RETENTION_DAYS="30").json() == {"files": 0, "bytes": 0}


def test_the_schema_is_looked_at_and_applied(cli: Retail) -> None:
    at = "select max(name) from meta.migration"
    assert (
        cli("schema", "--check").err.splitlines()[-1] == f"the warehouse is at {cli('psql', '-XAtc', at).out.strip()}"
    )
    assert cli("psql", "-c", "drop view meta.vw_recent_etl_runs").code == 0
    assert cli("schema", "--json").json()["applied"] == []
    assert cli("psql", "-c", "select from meta.vw_recent_etl_runs limit 1").code == 0


@pytest.mark.slow
def test_the_schema_of_a_new_warehouse_is_to_come_until_it_is_applied() -> None:
    with retail() as fresh:
        before = fresh("schema", "--check")
        assert (before.code, "the warehouse is at no migration, pending: 0001" in before.err) == (1, True)
        applied = fresh("schema", "--json").json()
        assert applied["applied"][-1] == applied["at"]
        assert fresh("schema", "--check").code == 0


@pytest.mark.slow
def test_a_backup_restores_every_table_and_file_on_another_platform(cli: Retail, tmp_path: Path) -> None:
    done = cli("backup", "backup", "--json", RETAIL_CALLER_FOLDER=str(tmp_path)).json()
    assert done["copied"] == done["files"] == 4
    with retail() as other:
        restored = other("restore", str(tmp_path / "backup"))
        assert restored.code == 0, restored.err
        assert hashes(other) == hashes(cli) != []
        assert other("verify", "--json").json()["files"] == 4
        pulled = other("pull", "sales")  # from the same data set, as the backup has its settings and edition
        assert pulled.code == 0, pulled.err
        assert "warning" not in pulled.err
        assert other.processes() == []


def test_an_export_is_what_the_warehouse_holds_but_for_personal_columns(cli: Retail, tmp_path: Path) -> None:
    assert cli("load").code == 0
    done = cli("export", str(tmp_path / "out"), "silver.sales_product", "customers", "--json").json()
    sold = pl.read_parquet(tmp_path / "out" / "silver.sales_product.parquet")
    asked = "select count(*), sum(quantity * unit_price - discount) from silver.sales_product"
    net = sold.select((pl.col("quantity") * pl.col("unit_price") - pl.col("discount")).sum()).item()
    assert cli("psql", "-XAtc", asked).out.strip() == f"{len(sold)}|{net}"
    customers = pl.read_parquet(tmp_path / "out" / "silver.customers.parquet")
    assert not {"first_name", "last_name", "email", "phone"} & set(customers.columns)
    assert set(done["tables"][1]["left_out"]) == {"first_name", "last_name", "email", "phone"}
    again = cli("export", str(tmp_path / "out"), "customers")
    assert (again.code, "--replace" in again.err) == (3, True)
    assert cli("export", str(tmp_path / "out"), "customers", "--replace").code == 0


ANOMALY = """
    insert into gold.kpi_anomaly (
        currency, level, member, direction, started_at, ended_at, status, grain, metric, other_metrics, observed,
        expected, lower_bound, upper_bound, effect, amount, score, explanation, run_id
    )
    values (
        'EUR', 'store', '3', 'below', now() - interval '5 hours', now() - interval '2 hours', 'open', 'hour', 'orders',
        '', 60, 100, 80, 120, -0.4, -3200, -7, 'Orders of store 3: 40% below', 'r'
    )
    returning anomaly_id
"""


def test_anomalies_are_listed_shown_and_given_a_verdict(cli: Retail) -> None:
    assert "nothing was judged yet: the next hourly run does it" in cli("anomalies").out
    number = cli("psql", "-XAtqc", ANOMALY).out.strip()
    listed = cli("anomalies").out
    assert "-40%" in listed
    assert "-3,200 EUR" in listed
    shown = cli("anomalies", "show", number).out
    assert shown.startswith("Orders of store 3: 40% below\nopen\n")
    assert "sum(sales.sale_count) as orders" in shown
    assert cli("anomalies", "verdict", number, "ok", "--note", "a wedding").out == (
        f"anomaly {number} is noted as ok\n"
    )
    (found,) = cli("anomalies", "--json").json()["anomalies"]
    assert (found["verdict"], found["note"], found["anomaly"]["effect"]) == ("ok", "a wedding", -0.4)
    refused = cli("anomalies", "show", "999999")
    assert (refused.code, "error: there is no anomaly 999999" in refused.err.splitlines()) == (3, True)
    assert cli("anomalies", "verdict", number, "perhaps").code == 2


def test_a_file_is_pulled_loaded_and_listed(cli: Retail) -> None:
    assert "no file has come yet" in cli("deliveries").out
    inbox = cli.home.path / "inbox"
    put(inbox, "top_up_2026-10-01.xlsx", sheet(HEADER, top_up("1"), top_up("2", "?")))
    put(inbox, "top_up_2026-10-02.xlsx", sheet(HEADER[1:], top_up("1")[1:]))
    pulled = cli("pull", "top_up")
    assert (pulled.code, "2 top-ups in 1 file" in pulled.out) == (0, True), pulled.err
    assert "1 REJECTED" in cli("load", "top_up").out
    said = cli("deliveries", "top_up").out
    assert "it lacks top_up_id; name the column as before" in " ".join(said.split())
    listed = cli("deliveries", "--json").json()
    assert [(one["status"], one["rows"], one["cells"]) for one in listed] == [("LOADED", 2, 14), ("REFUSED", 0, 0)]
    assert "top_up_2026-10-01.xlsx!Nov!E3" in cli("rejects", "list", "--dataset", "top_up").out
