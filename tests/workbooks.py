"""Workbooks that a test makes: by openpyxl, or part by part where no library would write such a file."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

from openpyxl import Workbook as OpenpyxlWorkbook

from ingestion.spreadsheets.workbook import Limits, Row, open_workbook

_DEFAULT = Limits()
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
# Styles by number: 1 a date, 2 a duration, 3 a moment.
_STYLES = (
    f'<styleSheet xmlns="{MAIN}"><numFmts count="1"><numFmt numFmtId="164" formatCode="[h]:mm:ss"/></numFmts>'
    '<cellXfs count="4"><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="22"/></cellXfs>'
    "</styleSheet>"
)
_TYPES = (
    f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="xml" ContentType="application/xml"/>'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Override PartName="/xl/workbook.xml" ContentType='
    '"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>'
)


def sheet_xml(rows: str, *, after: str = "", before: str = "", namespace: str = MAIN) -> str:
    """The XML of a sheet with these rows."""
    return f'<worksheet xmlns="{namespace}">{before}<sheetData>{rows}</sheetData>{after}</worksheet>'


def strings_xml(*items: str) -> str:
    """The XML of shared strings: each item is what its `si` holds."""
    return f'<sst xmlns="{MAIN}">{"".join(f"<si>{item}</si>" for item in items)}</sst>'


def parts_of(*sheets: str, strings: str = "") -> dict[str, str | bytes]:
    """The parts of a workbook with sheets S1, S2, … of this XML."""
    listed = "".join(f'<sheet name="S{n}" sheetId="{n}" r:id="rId{n}"/>' for n in range(1, len(sheets) + 1))
    relations = [("worksheet", f"worksheets/sheet{n}.xml") for n in range(1, len(sheets) + 1)]
    relations += [("styles", "styles.xml"), *([("sharedStrings", "sharedStrings.xml")] if strings else [])]
    return {
        "[Content_Types].xml": _TYPES,
        "_rels/.rels": _relations([("officeDocument", "xl/workbook.xml")]),
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{_OFFICE}"><sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": _relations(relations),
        "xl/styles.xml": _STYLES,
        **{f"xl/worksheets/sheet{number}.xml": sheet for number, sheet in enumerate(sheets, 1)},
        **({"xl/sharedStrings.xml": strings} if strings else {}),
    }


def packed(path: Path, parts: Mapping[str, str | bytes]) -> Path:
    """A zip of these parts."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return path


def hand_made(path: Path, rows: str, *, strings: str = "") -> Path:
    """A workbook with one sheet, S1, of these rows."""
    return packed(path, parts_of(sheet_xml(rows), strings=strings))


def saved(path: Path, book: OpenpyxlWorkbook) -> Path:
    """A workbook of openpyxl as a file."""
    book.save(path)
    return path


def read(path: Path, sheet: str | None = None, limits: Limits = _DEFAULT) -> list[Row]:
    """All rows of a sheet, by default the first."""
    with open_workbook(path, limits) as book:
        return list(book.rows(sheet or book.sheets[0].name))


def cells(path: Path, sheet: str | None = None) -> dict[str, tuple[str, object]]:
    """Kind and value of each cell of a sheet, by its address. Fails if the sheet has another number of cells."""
    with open_workbook(path) as book:
        one = next(one for one in book.sheets if sheet in (None, one.name))
        found = {
            f"{cell.column}{row.number}": (cell.kind, cell.value) for row in book.rows(one.name) for cell in row.cells
        }
    assert one.cells == len(found)
    return found


def _relations(targets: list[tuple[str, str]]) -> str:
    some = "".join(
        f'<Relationship Id="rId{n}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for n, (kind, target) in enumerate(targets, 1)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{some}</Relationships>'
