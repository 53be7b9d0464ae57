"""What an apply would change: the compiled assets compared with what the server has.

Superset adds fields of its own to what it exports: of an asset only what we declare is compared. What decides how a
chart looks is compared as a whole: its settings, its query, its place and title on the page, and the filters. So is a
list.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_KINDS = {"databases": "database", "datasets": "dataset", "charts": "chart", "dashboards": "dashboard"}
_NAMES = ("dashboard_title", "slice_name", "table_name", "database_name")
_MOST_WORDS = 60
# Where a key that only the server has is a difference, and those that each server adds there.
_WHOLE = ("columns", "metrics", "position", "params", "query_context", "metadata.native_filter_configuration")
_ITS_OWN = frozenset({"parents", "datasource", "slice_id", "dashboards"})


@dataclass(frozen=True)
class Change:
    """What happens to one asset. `how` is add, change or remove; `fields` says what differs in it."""

    kind: str
    name: str
    how: str
    fields: tuple[str, ...] = ()
    place: str = ""  # the file that declares it, and the chart

    def words(self) -> str:
        """A line for a person, and one for each field."""
        sign = {"add": "+", "change": "~", "remove": "-"}[self.how]
        return "\n".join(
            [
                f"{sign} {self.kind} {self.name}{f' ({self.place})' if self.place else ''}",
                *(f"    {one}" for one in self.fields),
            ]
        )


def changes(wanted: Mapping[str, dict[str, Any]], found: Mapping[str, dict[str, Any]]) -> list[Change]:
    """What is to be added or changed on the server, in the order of the bundle. Both are assets by path."""
    there = {str(one["uuid"]): one for one in found.values() if isinstance(one, dict) and "uuid" in one}
    listed = []
    for path, asset in wanted.items():
        kind = _KINDS[path.split("/")[0]]
        current = there.get(asset["uuid"])
        if current is None:
            listed.append(Change(kind, _name(asset), "add", place=_place(asset)))
        elif fields := list(_fields(_comparable(asset), _comparable(current))):
            # The query of a chart follows from its settings: it is shown where it alone differs.
            shown = [one for one in fields if not one.startswith("query_context")] or fields
            listed.append(Change(kind, _name(asset), "change", tuple(shown), _place(asset)))
    return listed


def _comparable(asset: Mapping[str, Any]) -> dict[str, Any]:
    """The asset without the ids that each server gives: charts by their uuid, the query as it is read."""
    content: dict[str, Any] = json.loads(json.dumps(asset, default=str))
    charts = [
        one for one in content.get("position", {}).values() if isinstance(one, dict) and one.get("type") == "CHART"
    ]
    names = {one["meta"].pop("chartId"): one["meta"]["uuid"] for one in charts}
    for one in content.get("metadata", {}).get("native_filter_configuration", []):
        one["scope"]["excluded"] = sorted(str(names.get(number, number)) for number in one["scope"].get("excluded", []))
    for part, name in (("columns", "column_name"), ("metrics", "metric_name")):
        if part in content:
            content[part] = {
                one[name]: {key: value for key, value in one.items() if value is not None} for one in content[part]
            }
    if isinstance(context := content.get("query_context"), str):
        content["query_context"] = _query(json.loads(context))
    return content


def _query(context: dict[str, Any]) -> dict[str, Any]:
    """A query without the id of its data set."""
    context.pop("datasource", None)
    context.get("form_data", {}).pop("datasource", None)
    return context


def _fields(wanted: Any, found: Any, place: str = "") -> Iterator[str]:
    """Each place below which the two differ."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key, value in wanted.items():
            yield from _fields(value, found.get(key), f"{place}.{key}" if place else key)
        if place.startswith(_WHOLE):
            for key, value in found.items():
                if key not in wanted and key not in _ITS_OWN and not _is_empty(value):
                    yield f"{place}.{key}: only on the server: {_short(value)}"
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for index, (one, other) in enumerate(zip(wanted, found, strict=True)):
            yield from _fields(one, other, f"{place}.{index}")
    elif wanted != found and not (_is_empty(wanted) and _is_empty(found)):
        yield f"{place}: {_short(found)} → {_short(wanted)}"


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", [], {})


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _MOST_WORDS else text[: _MOST_WORDS - 1] + "…"


def _name(asset: Mapping[str, Any]) -> str:
    return next(str(asset[key]) for key in _NAMES if key in asset)


def _place(asset: Mapping[str, Any]) -> str:
    return str(asset.get("certification_details") or "").removeprefix("superset/dashboards/")
