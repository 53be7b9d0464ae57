"""Which sheets a workbook has, and in which parts of the file they are, as its own list says."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from zipfile import ZipFile

_WORKBOOK = "xl/workbook.xml"
_RELATIONS = "xl/_rels/workbook.xml.rels"


@dataclass(frozen=True)
class SheetPart:
    """A sheet of cells. `part` is its name in the zip."""

    name: str
    is_visible: bool
    part: str


@dataclass(frozen=True)
class SheetList:
    """The sheets of cells in the order of their tabs, and the part with the shared strings, if there is one."""

    sheets: tuple[SheetPart, ...]
    shared_strings: str | None


def read_sheet_list(archive: ZipFile) -> SheetList:
    """Read the list. Raises KeyError for a part that is missing and ParseError for one that is not XML."""
    parts = {name.lower(): name for name in archive.namelist()}
    targets = dict[str, tuple[str, str]]()
    for one in _elements(archive, parts, _RELATIONS, "Relationship"):
        if one.get("TargetMode") != "External":
            part = posixpath.normpath(posixpath.join("/xl", one.get("Target", ""))).lstrip("/")
            targets[one.get("Id", "")] = one.get("Type", "").rpartition("/")[2], part
    sheets = list[SheetPart]()
    for one in _elements(archive, parts, _WORKBOOK, "sheet"):
        kind, part = targets.get(_relation(one), ("", ""))
        if kind == "worksheet":
            is_visible = one.get("state", "visible") == "visible"
            sheets.append(SheetPart(one.get("name", ""), is_visible, parts[part.lower()]))
    shared = [
        parts[part.lower()] for kind, part in targets.values() if kind == "sharedStrings" and part.lower() in parts
    ]
    return SheetList(tuple(sheets), shared[0] if shared else None)


def _elements(archive: ZipFile, parts: dict[str, str], part: str, name: str) -> list[ET.Element]:
    with archive.open(parts[part]) as stream:
        root = ET.parse(stream).getroot()  # noqa: S314 - the guard has refused entities
    return [one for one in root.iter() if isinstance(one.tag, str) and one.tag.rpartition("}")[2] == name]


def _relation(sheet: ET.Element) -> str:
    """The id of the relation to the sheet's part: the attribute `r:id`, in either flavor of the format."""
    return next((value for name, value in sheet.attrib.items() if name.endswith("/relationships}id")), "")
