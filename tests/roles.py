"""A warehouse with its real roles and logins, made by the code that makes the platform's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import psycopg2
from psycopg2.extensions import connection

from backend.main import create_app
from backend.settings import SourceSettings
from backend.workbooks.files import reports
from backend.workbooks.folder import write_reports
from backend.workbooks.settings import WorkbookSettings
from gold import build as gold
from ingestion.customers import collect_customers
from ingestion.products import collect_products
from ingestion.sales import collect_sales
from loaders.load_all_silver import load_all_silver
from medallion.database import connect
from medallion.errors import NothingToDo
from medallion.process.steps import DELIVERIES, functions_of
from medallion.schema import prepare_schema
from medallion.settings import Settings
from quality.reconcile import reconcile_sales
from stack.services.postgres.roles import DATABASE_OF, INGESTION, TRANSFORMATION, WAREHOUSE, Login, prepare_roles
from tests.conftest import KEY, NOON, START, Source, serving
from tests.postgres_server import PASSWORD, PostgresServer

LOGINS = [Login(name, PASSWORD) for name in DATABASE_OF]


@dataclass(frozen=True)
class Platform:
    """A warehouse, a source, and a login for each role."""

    server: PostgresServer
    source: Source
    settings: Settings
    now: datetime = NOON

    def url(self, role: str, database: str = WAREHOUSE) -> str:
        return self.server.url(database).replace("//postgres:", f"//{role}:")

    @contextmanager
    def login(self, role: str) -> Iterator[connection]:
        """A connection as that role; it may try to write, even where a session of the role would not."""
        with connect(self.url(role)) as conn:
            conn.set_session(readonly=False)
            yield conn

    def hour(self, *, full_refresh: bool = False) -> str:
        """The steps of the hourly DAG, each as its role. Returns what the last one says."""
        told = {"run_id": "hour", "full_refresh": full_refresh}
        with self.login(INGESTION) as conn:
            for collect in (collect_customers, collect_products, collect_sales):
                collect(conn, self.settings, **told)  # type: ignore[arg-type]
            load_all_silver(conn, self.settings, run_id="hour")
        with self.login(TRANSFORMATION) as conn:
            gold.prepare(conn, self.settings, **told)  # type: ignore[arg-type]
            gold.build_core(conn, self.settings, **told)  # type: ignore[arg-type]
            gold.build_mart(conn, self.settings, now=self.now, **told)  # type: ignore[arg-type]
            gold.check_gold(conn, self.settings, run_id="hour")
            return reconcile_sales(conn, self.settings, run_id="hour").summary()

    def day(self) -> None:
        """The steps of a day with deliveries, each as its role: reports of two days. They come once."""
        settings = self.settings.model_copy(update={"inbox_settle_seconds": 0})
        sample = WorkbookSettings(members=20)
        days = (sample.start + timedelta(days=number) for number in range(2))
        write_reports(settings.retail_home / "inbox", reports(sample, days), replace=True)
        then = datetime.combine(sample.start + timedelta(days=2), NOON.timetz())
        for step in DELIVERIES:
            more = {"now": then} if step.takes_clock else {}
            with self.login(step.login) as conn:
                for call in functions_of(step):
                    with suppress(NothingToDo):  # no file is wrong
                        call(conn, settings, run_id="day", **more)


@contextmanager
def platform(
    server: PostgresServer, folder: Path, *, start: datetime = START, now: datetime = NOON
) -> Iterator[Platform]:
    """An empty warehouse with its roles, its schema applied by its owner, and a source with its clock at `now`."""
    with closing(psycopg2.connect(server.url("postgres"))) as admin, admin.cursor() as cursor:
        admin.autocommit = True
        cursor.execute(f"drop database if exists {WAREHOUSE} with (force)")
    prepare_roles(server.url("postgres"), LOGINS)
    shape = {"sales_per_hour": 5, "customers": 60, "products": 20}
    app = create_app(SourceSettings(seed=7, start=start, now=now, api_key=KEY, **shape))
    with serving(app) as url:
        settings = Settings(source_api_url=url, source_api_key=KEY, retail_home=folder)
        made = Platform(server, Source(url, app.state.data), settings, now)
        with made.login(WAREHOUSE) as conn:
            prepare_schema(conn)
        yield made
