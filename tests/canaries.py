"""Secrets as canaries: the forms in which one may show itself, and who watches the process list for them."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, quote_plus

SAMPLE_SECONDS = 0.01


def forms(secret: str) -> set[bytes]:
    """The secret plain, escaped for an address or JSON, and in base64, wherever in the encoded text it begins."""
    raw = secret.encode()
    found = {raw, quote(secret, safe="").encode(), quote_plus(secret).encode(), quote(secret).encode()}
    found |= {json.dumps(secret)[1:-1].encode(), raw.hex().encode()}
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for before in range(3):
            encoded = encode(b"\0" * before + raw)
            # The first characters hold bits of what comes before, the last ones of what follows.
            found.add(encoded[(0, 2, 3)[before] : len(encoded) - (0, 3, 2)[(before + len(raw)) % 3]])
    return found


def seen_in(content: bytes, canaries: Mapping[str, str]) -> list[str]:
    """Names of the secrets that the content shows in any form."""
    return [name for name, secret in canaries.items() if any(form in content for form in forms(secret))]


@dataclass
class Watched:
    """What was seen of the processes: command lines that showed a secret, and environments by the process's command."""

    canaries: Mapping[str, str]
    in_command_lines: set[tuple[str, str]] = field(default_factory=set)
    in_environments: set[tuple[str, str]] = field(default_factory=set)  # name of the secret, command line
    samples: int = 0
    processes: set[int] = field(default_factory=set)

    def look(self, word: str, forms_of: Mapping[str, set[bytes]], known: dict[tuple[int, bytes], None]) -> None:
        """One look at all processes; at the environment of those alone that have `word` in it."""
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                command = (folder / "cmdline").read_bytes()
                environment = (folder / "environ").read_bytes()
            except OSError:
                continue
            key = (int(folder.name), command)
            if not command or key in known:
                continue
            known[key] = None
            said = command.replace(b"\0", b" ").decode(errors="replace")
            self.in_command_lines |= {
                (name, said) for name, them in forms_of.items() if any(f in command for f in them)
            }
            if word.encode() in environment + command:
                self.processes.add(int(folder.name))
                self.in_environments |= {
                    (name, said) for name, them in forms_of.items() if any(f in environment for f in them)
                }
        self.samples += 1

    def environments_of(self, command: str) -> set[str]:
        """Secrets that a process with that in its command line has in its environment."""
        return {name for name, said in self.in_environments if command in said}


@contextmanager
def watching(word: str, canaries: Mapping[str, str]) -> Iterator[Watched]:
    """Look at the processes all the time within; `word` is in the environment or command line of ours."""
    watched, over = Watched(canaries), threading.Event()
    forms_of = {name: forms(secret) for name, secret in canaries.items()}
    known: dict[tuple[int, bytes], None] = {}

    def watch() -> None:
        while not over.wait(SAMPLE_SECONDS):
            watched.look(word, forms_of, known)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield watched
    finally:
        over.set()
        thread.join()
