"""A declared dashboard as the text of its file: one form, so that a change shows as a change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from dashboards.declared import Dashboard

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIRST = ("kind", "name", "title", "width", "dataset")
_WIDTH = 118


class _Dumper(yaml.SafeDumper):
    """Mappings on lines of their own, lists of plain values on one line."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - PyYAML's own
        super().increase_indent(flow, indentless=False)


def _plain_lists(dumper: _Dumper, values: list[Any]) -> yaml.Node:
    is_plain = not any(isinstance(one, (dict, list)) for one in values)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=is_plain)


_Dumper.add_representer(list, _plain_lists)


def text_of(dashboard: Dashboard) -> str:
    """The text of the dashboard's file, which reads as the same dashboard."""
    content = dashboard.model_dump(mode="json", exclude={"slug"}, exclude_defaults=True)
    if dashboard.period is not None:
        content["period"] = {"default": dashboard.period.default, **content.get("period", {})}
    for row, declared in zip(content["rows"], dashboard.rows, strict=True):
        row["charts"] = [
            _in_order({"kind": one.kind, **chart}) for chart, one in zip(row["charts"], declared.charts, strict=True)
        ]
    order = [name for name in Dashboard.model_fields if name in content]
    return yaml.dump(
        {name: content[name] for name in order}, Dumper=_Dumper, sort_keys=False, width=_WIDTH, allow_unicode=True
    )


def _in_order(chart: Mapping[str, Any]) -> dict[str, Any]:
    rest = [name for name in chart if name not in _FIRST]
    return {name: chart[name] for name in (*_FIRST, *rest) if name in chart}
