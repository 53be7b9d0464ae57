"""The real DAG takes an entity that was added as docs/extending.md says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from psycopg2.extensions import connection

from medallion.schema import prepare_schema
from medallion.settings import Settings
from tests.airflow_run import Hour
from tests.extending_page import with_suppliers
from tests.queries import rows

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.timeout(900)]


def test_the_real_dag_fills_an_entity_that_was_declared(
    runs: Hour, conn: connection, settings: Settings, tmp_path: Path
) -> None:
    prepare_schema(conn)
    checkout = with_suppliers(tmp_path / "checkout", settings)
    checkout.run("-m", "medallion.schema")  # as ./retail run does before it
    own = {name: checkout.environment[name] for name in ("SOURCE_API_URL", "SOURCE_API_KEY")}
    airflow = checkout.folder / "airflow"
    own["PYTHONPATH"] = os.pathsep.join((str(checkout.folder), str(airflow / "plugins")))
    own["AIRFLOW__CORE__DAGS_FOLDER"] = str(airflow / "dags")
    with checkout.source():
        assert Hour(runs.environment | own, runs.log).run() == 0, runs.log.read_text()[-4000:]
    assert rows(conn, "select count(*) from silver.suppliers") == [(3,)]
    assert rows(conn, "select count(*) from gold.dim_supplier") == [(3,)]
    done = "select layer from meta.load where dataset in ('suppliers', 'dim_supplier') order by load_id"
    assert rows(conn, done) == [("bronze",), ("silver",), ("gold",)]
