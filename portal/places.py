"""Where each service is, and whether its process lives: from RETAIL_HOME on one machine, from a variable in containers.

Only records, choices of ports and the ends of logs are read there, never a secret.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import psutil

from medallion.foreign_text import one_line
from medallion.redaction import without_secrets
from medallion.wording import minute_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from portal.catalogue import Service

_CLOCK_TOLERANCE_SECONDS = 1.5
_END_BYTES, _END_LINES, _LONGEST = 16_000, 60, 240
_EXPLAINS = re.compile(r"error|exception|fatal|panic|critical|refused|denied|cannot|could not|no space", re.IGNORECASE)
_LIKE_A_SECRET = re.compile(r"(?<![\w/-])[\w-]{32,}(?![\w/-])")


@dataclass(frozen=True)
class Process:
    """The process of a service. `mark` is another one for each start."""

    mark: str
    is_alive: bool


@dataclass(frozen=True)
class Place:
    """Where a service answers (`probe`), and where a person opens it (`page`): addresses without a path."""

    probe: str
    page: str


class OnOneMachine:
    """The services of a RETAIL_HOME. `elsewhere` names those that are the user's own."""

    needs_record = True

    def __init__(self, home: Path, elsewhere: frozenset[str] = frozenset()) -> None:
        self._home, self._elsewhere = home, elsewhere

    def knows(self, service: Service) -> bool:
        """Whether the service is one of this platform's."""
        return service.name not in self._elsewhere

    def place(self, service: Service) -> Place | None:
        """Where the service listens; None before its port was chosen, or when it has none."""
        port = (_read(self._home / "state.json").get("ports") or {}).get(service.port)
        return Place(address, address) if port and (address := f"http://127.0.0.1:{int(port)}") else None

    def process(self, service: Service) -> Process | None:
        """The process that was started last and not stopped by a command; None when there is none."""
        record = _read(self._home / "run" / f"{service.name}.json")
        if not record:
            return None
        return Process(str(record.get("mark")), _is_alive(record))

    def ended(self, service: Service) -> str:
        """How and when the service ended by itself, unless it was started since; empty otherwise."""
        file = self._home / "run" / f"{service.name}.ended"
        with suppress(OSError):
            moment = datetime.fromtimestamp(file.stat().st_mtime, timezone.utc)
            return f"it {one_line(file.read_text(encoding='utf-8'), _LONGEST)}, {minute_of(moment)}"
        return ""

    def last_words(self, service: Service) -> str:
        """The line near the end of the service's log that explains most, without secrets; empty without a log."""
        return explaining_line(_end_of(self._home / "logs" / f"{service.name}.log"))


class ByAddress:
    """Services that others run. `addresses`: by name, where the service answers and where a person opens it."""

    needs_record = False

    def __init__(self, addresses: Mapping[str, tuple[str, str]]) -> None:
        self._places = {name: Place(*(one.rstrip("/") for one in both)) for name, both in addresses.items()}

    def knows(self, service: Service) -> bool:
        """Whether the service has an address."""
        return service.name in self._places

    def place(self, service: Service) -> Place | None:
        """Where the service listens."""
        return self._places.get(service.name)

    def process(self, service: Service) -> None:  # noqa: ARG002 - as for one machine
        """None: a container shows no process."""
        return

    def ended(self, service: Service) -> str:  # noqa: ARG002 - as for one machine
        """Empty: it is not known here."""
        return ""

    def last_words(self, service: Service) -> str:  # noqa: ARG002 - as for one machine
        """Empty: a container shows no log."""
        return ""


def explaining_line(text: str) -> str:
    """The last line of a log that names an error, or else its last line; in one line, without secrets."""
    lines = [line for line in text.splitlines()[-_END_LINES:] if line.strip()]
    naming = [line for line in lines if _EXPLAINS.search(line)]
    return without_any_secret((naming or lines or [""])[-1])


def without_any_secret(text: str) -> str:
    """The text in one line, without passwords and without any word that could be a generated secret."""
    return one_line(_LIKE_A_SECRET.sub("***", without_secrets(text, None)), _LONGEST)


def _end_of(log: Path) -> str:
    with suppress(OSError), log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - _END_BYTES))
        return stream.read().decode("utf-8", errors="replace")
    return ""


def _is_alive(record: Mapping[str, Any]) -> bool:
    """Whether the process is still the one that was started: its number may be another one's by now."""
    try:
        process = psutil.Process(int(record["pid"]))
        same = abs(process.create_time() - float(record["created"])) < _CLOCK_TOLERANCE_SECONDS
        return same and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, KeyError, TypeError, ValueError):
        return False


def _read(file: Path) -> dict[str, Any]:
    """The object in a JSON file; empty when there is none that can be read."""
    with suppress(OSError, ValueError):
        content = json.loads(file.read_text(encoding="utf-8"))
        return content if isinstance(content, dict) else {}
    return {}
