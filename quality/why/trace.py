"""The way in: what a person asks for, as a record or a figure, and its trace in one snapshot of the warehouse."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from medallion.database import transaction
from medallion.entities.registry import DELIVERED, ENTITIES
from medallion.entity_words import singular
from medallion.errors import ConfigurationError
from quality.why.answer import Why
from quality.why.delivered import key_columns, trace_delivered
from quality.why.figure import trace_figure
from quality.why.grain import key_of, mart_names
from quality.why.record import trace_record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg2.extensions import connection

    from medallion.settings import Settings

# Facts of Gold, each with the entity whose records become its rows: its key begins with the id of the record.
FACTS = {"sales_item": "sales"}
_LARGEST_ID = 2**63 - 1
_ID = re.compile(r"([0-9]{1,19})(?:-[0-9]+)?")


def why(conn: connection, settings: Settings, subject: str, key: Sequence[str], *, most: int) -> Why:
    """Explain `subject`, an entity, the fact or a mart, by its key. A figure has at most `most` sales.

    It reads everything of the warehouse in one snapshot, and changes nothing. Raises ConfigurationError for a subject
    or key that does not exist, DatabaseError.
    """
    name = subject.removeprefix("gold.")
    entities = subjects()
    if name not in entities and name not in DELIVERED and name not in mart_names():
        raise ConfigurationError(f"there is no {subject!r} to explain", remedy=f"name one of {', '.join(usages())}")
    with transaction(conn):
        with conn.cursor() as cursor:
            cursor.execute("set transaction isolation level repeatable read, read only")
        if name in entities:
            record_id = _id(name, key)
            return Why(trace_record(conn, settings, ENTITIES[entities[name]], record_id), None)
        if name in DELIVERED:
            _require_key(name, key)
            return Why(trace_delivered(conn, settings, DELIVERED[name], key), None)
        return Why(None, trace_figure(conn, name, key, most))


def subjects() -> dict[str, str]:
    """Names by which a record is asked for, each with its entity: one, many, or the fact."""
    return {name: name for name in ENTITIES} | {singular(name): name for name in ENTITIES} | FACTS


def usages() -> list[str]:
    """How each subject is asked for, such as `sale ID`."""
    records = [f"{singular(name)} ID" for name in ENTITIES] + [f"{name} ID" for name in FACTS]
    records += [f"{name} {_metavars(name)}" for name in DELIVERED]
    marts = [f"{name} {' '.join(one.metavar for one in key_of(name))}" for name in mart_names()]
    return records + marts


def _metavars(name: str) -> str:
    return " ".join(one.upper() for one in key_columns(DELIVERED[name]))


def _require_key(name: str, key: Sequence[str]) -> None:
    if len(key) != len(key_columns(DELIVERED[name])):
        remedy = f"say ./retail why {name} {_metavars(name)}"
        raise ConfigurationError(f"{' '.join(key)!r} is not the key of one row", remedy=remedy)


def _id(name: str, key: Sequence[str]) -> int:
    """The id of a record; of a row of a fact, such as 4711-1, that of its sale."""
    found = _ID.fullmatch(key[0].replace(",", "")) if len(key) == 1 else None
    if found is None or not 0 < int(found[1]) <= _LARGEST_ID:
        raise ConfigurationError(f"{' '.join(key)!r} is not the id of one record", remedy=f"say ./retail why {name} ID")
    return int(found[1])
