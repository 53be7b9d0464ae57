"""A record of the source from Gold back to Bronze: its rows, its lines, and what became of each line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from loaders.dataset import DATASETS
from medallion.entity_words import position_after
from quality.why.answer import IDENTICAL, WON, BronzeLine, BronzeReceipt, RecordTrace, TableRow
from quality.why.bronze import (
    Clues,
    candidate_files,
    checksums_of,
    quarantined_line,
    read_lines,
    receipt_of,
    rejects_of,
    repaired_by,
)
from quality.why.circumstances import notes_on
from quality.why.fates import Fates
from quality.why.rows import gold_rows, silver_rows, version_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from psycopg2.extensions import connection

    from loaders.dataset import Dataset
    from medallion.entities.entity import Entity
    from medallion.settings import Settings
    from quality.why.bronze import BronzeFile
    from quality.why.rows import SilverRow


@dataclass
class _Layers:
    """What the datasets of an entity have of the record, dataset by dataset."""

    silver: list[TableRow] = field(default_factory=list)
    versions: list[TableRow] = field(default_factory=list)
    lines: list[BronzeLine] = field(default_factory=list)
    files: list[BronzeReceipt] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def trace_record(conn: connection, settings: Settings, entity: Entity, record_id: int) -> RecordTrace:
    """Where the record is and where it came from, in the caller's transaction. Raises DatabaseError."""
    layers = _Layers()
    for name in entity.datasets:
        _trace_dataset(conn, settings, entity, DATASETS[name], record_id, layers)
    gold, behind = gold_rows(conn, entity, record_id, [*layers.silver, *layers.versions])
    notes = notes_on(conn, settings, entity, record_id, is_there=bool(layers.silver or layers.lines))
    return RecordTrace(
        entity=entity.name,
        id=record_id,
        gold=tuple(gold),
        silver=tuple(layers.silver),
        versions=tuple(layers.versions),
        lines=tuple(layers.lines),
        files=tuple(layers.files),
        notes=(*notes, *layers.notes, *behind),
    )


def _trace_dataset(
    conn: connection, settings: Settings, entity: Entity, dataset: Dataset, record_id: int, layers: _Layers
) -> None:
    silver, versions = silver_rows(conn, dataset, record_id), version_rows(conn, dataset, record_id)
    rejects = rejects_of(conn, dataset, record_id)
    clues = Clues(silver, [one.load_id for one in versions], rejects, repaired_by(conn, dataset, record_id))
    lines = {(one.path, one.line_no): quarantined_line(dataset, record_id, one) for one in rejects}
    files: dict[str, BronzeFile] = {}
    for candidate in candidate_files(conn, entity, dataset, record_id, clues):
        file, found = read_lines(settings, dataset, candidate, record_id)
        files[file.receipt.path] = file
        lines = {(one.path, one.line_no): one for one in found} | lines
    decided = Fates(dataset.name, clues, files).of([*lines.values()], checksums_of(conn, dataset, [*lines.values()]))
    shown = {one.path for one in decided}
    if all(one.state == "READ" for one in files.values()):
        layers.notes += _unexplained(dataset, silver, decided)
    layers.silver += [one.row for one in silver]
    layers.versions += versions
    layers.lines += decided
    layers.files += [
        receipt_of(one, position_after(entity, one.receipt.cursor_after))
        for path, one in files.items()
        if path in shown or one.state != "READ"
    ]


def _unexplained(dataset: Dataset, silver: Sequence[SilverRow], lines: Sequence[BronzeLine]) -> Iterator[str]:
    """A sentence for each row of Silver that no line of Bronze holds as it stands, while all files could be read."""
    held = {one.key for one in lines if one.fate in (WON, IDENTICAL)}
    for row in silver:
        if row.key not in held:
            key = "-".join(map(str, row.key))
            yield (
                f"silver.{dataset.name} {key}: no line of Bronze holds it as it stands. Was it changed by hand? "
                "./retail rebuild --in-place restores what Bronze holds"
            )
