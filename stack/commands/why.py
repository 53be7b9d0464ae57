"""Output of `./retail why` for a person: from Gold to Bronze, a block of lines for each layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medallion.entities.registry import ENTITIES
from medallion.entity_words import singular
from medallion.foreign_text import escaped, shown
from medallion.wording import counted, minute_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from quality.why.answer import BronzeLine, BronzeReceipt, FigureTrace, RecordTrace, TableRow, Why

_LONGEST_LINE = 2_000  # characters of a line of Bronze
_COLORS = {"WON": "green", "QUARANTINED": "red", "MISSING": "red", "REFUSED": "red", "WAITING": "yellow"}


def print_why(found: Why, location: str, console: Console) -> None:
    """Print the answer. `location` is BRONZE_URL."""
    if found.record is not None:
        _print_record(found.record, location, console)
    if found.figure is not None:
        _print_figure(found.figure, console)


def _print_record(record: RecordTrace, location: str, console: Console) -> None:
    entity = singular(record.entity) if record.entity in ENTITIES else record.entity
    name = f"{entity} {record.id}"
    if not record.has_come:
        console.print(f"{name} is neither in Silver nor in Bronze", style="bold", markup=False)
    _print_rows("gold", record.gold, console)
    _print_rows("silver", record.silver, console)
    _print_rows("versions", record.versions, console)
    files = {one.path: one for one in record.files}
    for line in record.lines:
        _print_line(line, files[line.path], location, console)
    with_line = {line.path for line in record.lines}
    for file in record.files:
        if file.state != "READ":
            held = "a line in quarantine" if file.path in with_line else "perhaps a version"
            console.print(
                _row("bronze", f"{file.path} held {held}: {file.problem or ''}"), style="yellow", markup=False
            )
    _print_notes(record.notes, console)
    if record.has_come:
        console.print(f"look further: {' · '.join(_further(record))}", markup=False)


def _further(record: RecordTrace) -> Iterator[str]:
    """Commands that show more: of the records that a row of Gold refers to, and of the loads."""
    for entity in ENTITIES.values():
        ids = {text for row in record.gold if (text := row.values.get(entity.key)) is not None}
        if entity.name != record.entity and len(ids) == 1:
            yield f"./retail why {singular(entity.name)} {ids.pop()}"
    loads = {row.load_id for row in (*record.gold, *record.silver)} | {file.load_id for file in record.files}
    listed = ", ".join(map(str, sorted(loads, reverse=True)))
    yield f"./retail psql (meta.load has the loads {listed})"


def _print_rows(layer: str, rows: Sequence[TableRow], console: Console) -> None:
    for row in rows:
        written = f"load {row.load_id}, run {row.run_id or 'unknown'}, {minute_of(row.loaded_at)}"
        console.print(_row(layer, f"{row.table}: {escaped(written)}"), markup=False)
        console.print(_row("", escaped(_values(row))), style="dim", markup=False)


def _print_line(line: BronzeLine, file: BronzeReceipt, location: str, console: Console) -> None:
    console.print(
        _row("bronze", f"{line.fate}: {location}/{line.path} line {line.line_no}"), style=_COLORS.get(line.fate)
    )
    for text in (*_about(line, file), shown(line.raw, _LONGEST_LINE)):
        console.print(_row("", escaped(text)), style="dim", markup=False)


def _about(line: BronzeLine, file: BronzeReceipt) -> Iterator[str]:
    yield line.detail
    landed = minute_of(file.landed_at) if file.landed_at else "at an unknown time"
    yield (
        f"pulled {file.requested} by load {file.load_id}, run {file.run_id}; landed {landed}, "
        f"{counted(file.records, 'record')}, {file.bytes:,} bytes, sha256 {file.sha256[:12]}…"
    )


def _print_figure(figure: FigureTrace, console: Console) -> None:
    key = ", ".join(f"{name} {value}" for name, value in figure.key.items())
    if not figure.rows:
        console.print(f"gold.{figure.mart} has no row of {escaped(key)}", style="bold", markup=False)
    _print_rows("gold", figure.rows, console)
    for sale in figure.sales:
        share = f"{counted(sale.line_count, 'line')}, {sale.net_amount:,.2f} {sale.currency}"
        console.print(_row("sale", escaped(f"{sale.sale_id}: {share}")), markup=False)
    if figure.sale_count > len({one.sale_id for one in figure.sales}):
        console.print(_row("", f"… of {figure.sale_count:,} sales: --limit lists more"), markup=False)
    _print_notes(figure.notes, console)
    if figure.sales:
        console.print(f"look further: ./retail why sale {figure.sales[0].sale_id}", markup=False)


def _print_notes(notes: Sequence[str], console: Console) -> None:
    for note in notes:
        console.print(_row("note", escaped(note)), markup=False)


def _values(row: TableRow) -> str:
    """What a row holds, without surrogate keys."""
    return ", ".join(f"{name} {text}" for name, text in row.values.items() if not name.endswith("_key"))


def _row(layer: str, text: str) -> str:
    return f"{layer:<9} {text}"
