"""The YAML files of superset/: how one is read, and how what is wrong in it is named with its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from medallion.errors import DashboardInvalid

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import ValidationError


def read_mapping(file: Path) -> dict[str, Any]:
    """The content of a YAML file of ours. Raises DashboardInvalid for one that cannot be read, or holds no mapping."""
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DashboardInvalid(file=file.name, problems=[" ".join(str(error).split())]) from error
    except OSError as error:
        raise DashboardInvalid(file=file.name, problems=[f"it cannot be read: {error.strerror}"]) from error
    if not isinstance(found, dict):
        raise DashboardInvalid(file=file.name, problems=["it isn't a mapping of keys to values"])
    return found


def problems_of(error: ValidationError, content: Any) -> list[str]:
    """What is wrong, each with its place: `rows.2.charts.1 (net-revenue).width: …`.

    A list whose items are wrong counts as too short, too: that is not said.
    """
    found = error.errors(include_url=False, include_input=False)
    places = [one["loc"] for one in found]
    return [
        f"{_place(one['loc'], content) or 'the file'}: {one['msg'].removeprefix('Value error, ')}"
        for one in found
        if one["type"] != "too_short" or not any(_is_within(other, one["loc"]) for other in places)
    ]


def _is_within(place: tuple[int | str, ...], other: tuple[int | str, ...]) -> bool:
    return len(place) > len(other) and place[: len(other)] == other


def _place(path: tuple[int | str, ...], content: Any) -> str:
    words: list[str] = []
    for step in path:
        inside = content[step] if _has(content, step) else None
        name = inside.get("name") if isinstance(inside, dict) else None
        if inside is None and step not in (content if isinstance(content, dict) else ()) and path[-1] != step:
            continue  # pydantic's name of a kind
        words.append(
            f"{step + 1} ({name})"
            if isinstance(step, int) and name
            else str(step + 1 if isinstance(step, int) else step)
        )
        content = inside
    return ".".join(words)


def _has(content: Any, step: int | str) -> bool:
    if isinstance(content, list) and isinstance(step, int):
        return step < len(content)
    return isinstance(content, dict) and step in content
