"""What names a row of a mart: the key of its contract, with natural keys, in an order that a person can type.

Ids come first, then the day or hour, then words such as the currency, which may be left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timezone
from functools import cache
from typing import TYPE_CHECKING, Any

from gold import dbt_runner
from medallion.errors import ConfigurationError
from medallion.process.steps import MARTS
from medallion.yaml_files import read_yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True)
class KeyColumn:
    """A column that names a row. `order` is that of its type among the columns, `read` parses what a person typed."""

    name: str
    order: int
    word: str
    read: Callable[[str], Any]

    @property
    def is_optional(self) -> bool:
        """Whether it may be left out: the answer then has the rows of all its values."""
        return self.read is str

    @property
    def metavar(self) -> str:
        """The column as the help of the command shows it."""
        return f"[{self.word}]" if self.is_optional else self.word


def mart_names() -> list[str]:
    """The marts of sales, without their schema."""
    return [name.removeprefix("gold.") for name in MARTS]


@cache
def key_of(mart: str) -> tuple[KeyColumn, ...]:
    """The columns that name a row of the mart, in the order in which they are given."""
    file = dbt_runner.PROJECT_DIR / "models" / "gold" / "marts" / f"{mart}.yml"
    model = next(one for one in read_yaml(file)["models"] if one["name"] == mart)
    types = {column["name"]: column["data_type"] for column in model["columns"]}
    key = next(one["columns"] for one in model["constraints"] if one["type"] == "primary_key")
    columns = [_column(_natural(name, types), types) for name in key]
    return tuple(sorted(columns, key=lambda one: one.order))


def read_key(mart: str, given: Sequence[str]) -> dict[str, Any]:
    """The values by column. Raises ConfigurationError for one that is missing, too many, or not of its type."""
    columns = key_of(mart)
    needed = sum(not one.is_optional for one in columns)
    usage = f"./retail why {mart} {' '.join(one.metavar for one in columns)}"
    if not needed <= len(given) <= len(columns):
        raise ConfigurationError(f"{mart} has another key: {len(given)} values were given", remedy=f"say {usage}")
    values = {}
    for column, text in zip(columns, given, strict=False):
        try:
            values[column.name] = column.read(text)
        except ValueError as error:
            raise ConfigurationError(f"{text!r} is not a {column.word}: {error}", remedy=f"say {usage}") from error
    return values


def _natural(name: str, types: Mapping[str, str]) -> str:
    """The natural key next to a surrogate key, if the mart has it."""
    natural = f"{name.removesuffix('_key')}_id"
    return natural if name.endswith("_key") and natural in types else name


def _column(name: str, types: Mapping[str, str]) -> KeyColumn:
    readers: dict[str, tuple[int, Callable[[str], Any]]] = {
        "bigint": (0, int),
        "integer": (0, int),
        "date": (1, date.fromisoformat),
        "timestamp with time zone": (1, _hour),
    }
    order, read = readers.get(types[name], (2, str))
    words = {"sold_date": "DAY", "sold_hour": "HOUR"}
    return KeyColumn(name, order, words.get(name, name.removesuffix("_id").upper()), read)


def _hour(text: str) -> datetime:
    """The hour that a moment lies in, in UTC unless it says otherwise."""
    moment = datetime.fromisoformat(f"{text[:-1]}+00:00" if text.endswith("Z") else text)
    in_utc = moment.astimezone(timezone.utc) if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return in_utc.replace(minute=0, second=0, microsecond=0)
