"""A watermark with which nothing can be asked: named, with a remedy that works, and nothing moves before."""

from __future__ import annotations

import pytest
from psycopg2.extensions import connection

from ingestion.collector import collect
from ingestion.customers import CUSTOMERS
from ingestion.entity import Entity
from ingestion.sales import SALES
from medallion.database import transaction
from medallion.errors import SourceViolation
from medallion.settings import Settings
from tests.queries import rows


def set_watermark(conn: connection, entity: str, cursor: str | None) -> None:
    with transaction(conn), conn.cursor() as cursor_:
        cursor_.execute("update meta.ingestion_state set cursor_value = %s where entity = %s", (cursor, entity))


def watermark(conn: connection, entity: str) -> str | None:
    return rows(conn, f"select cursor_value from meta.ingestion_state where entity = '{entity}'")[0][0]


POISONS = ["", "x" * 70_000, "\x1b[2J\x1b[31mforged", "a\r\nb", "\u2028", "\u202e"]


@pytest.mark.parametrize("poison", POISONS, ids=range(len(POISONS)))
@pytest.mark.parametrize("entity", [CUSTOMERS, SALES], ids=lambda entity: entity.name)
def test_a_poisoned_watermark_is_named_and_its_remedy_works(
    conn: connection, settings: Settings, entity: Entity, poison: str
) -> None:
    set_watermark(conn, entity.name, poison)
    with pytest.raises(SourceViolation, match=f"{entity.name}: the cursor") as raised:
        collect(entity, conn, settings, run_id="poisoned")
    assert raised.value.message.isprintable()
    assert watermark(conn, entity.name) == poison
    ((logged,),) = rows(conn, "select error_message from meta.load where status = 'FAILED'")
    assert logged.isprintable()
    assert "or to null" in raised.value.remedy
    set_watermark(conn, entity.name, None)
    assert collect(entity, conn, settings, run_id="fixed").records
    assert watermark(conn, entity.name) is not None
