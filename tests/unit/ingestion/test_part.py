"""The files of a part: however it is interrupted, none is left under a temporary name."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from ingestion.part import Part
from medallion.bronze.ndjson import Ndjson
from medallion.bronze.writer import BronzeFile, BronzeStore
from medallion.process.signals import Stopped
from medallion.settings import Settings


class Interrupted(BronzeFile):
    """A file during whose opening or giving up the process is told to stop, once it has done it."""

    def __init__(self, real: BronzeFile, *, opening: bool = False, discarding: bool = False) -> None:
        super().__init__(real.path)
        self._real, self._opening, self._discarding = real, opening, discarding

    def _open(self) -> None:
        self._real.open()
        self._stream = self._real._stream
        if self._opening:
            raise Stopped(signal.SIGINT)

    def _make_durable(self) -> None:
        self._real._make_durable()

    def discard(self) -> None:
        if self._discarding:
            raise Stopped(signal.SIGINT)
        self._real.discard()


def _left(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file()]


def test_a_file_is_given_up_even_if_its_opening_is_interrupted(tmp_path: Path) -> None:
    part, store = Part(Settings()), BronzeStore(str(tmp_path))
    with pytest.raises(Stopped), part.discarded_on_error():
        part.append("a", Ndjson.of([b"{}"]), lambda name: Interrupted(store.file(name), opening=True))
    assert _left(tmp_path) == []


def test_every_file_is_given_up_even_if_giving_up_one_is_interrupted(tmp_path: Path) -> None:
    part, store = Part(Settings()), BronzeStore(str(tmp_path))
    for name in ("a", "b", "c"):
        part.append(name, Ndjson.of([b"{}"]), lambda name: Interrupted(store.file(name), discarding=name == "b"))
    assert sorted(_left(tmp_path)) == [".a.tmp", ".b.tmp", ".c.tmp"]
    with pytest.raises(Stopped), part.discarded_on_error():
        raise OSError("disk")
    assert _left(tmp_path) == [".b.tmp"]
