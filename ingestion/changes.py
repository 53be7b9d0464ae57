"""Readings of a listing that is ordered by `updated_at`: customers and products.

A change may commit late, share its timestamp with a change that was read already, or carry one from a clock that runs
ahead. So a pull does not begin at the watermark. It begins SOURCE_LOOKBACK_MINUTES earlier, by the source's own
timestamps, and lands the records that it does not recognize (`meta.lookback_page`). A record dated in the future lands
once; neither the watermark nor the lookback passes it, so that it hides no change of other records. Silver quarantines
it.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import msgspec

from ingestion.fingerprint import sample_of, topped_up
from ingestion.reading import Reading, digests
from medallion.moments import utc_moment
from medallion.state.pull import LookbackPage, advance_replay, read_sample, replace_lookback, replace_sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from psycopg2.extensions import connection

    from ingestion.entity import Entity
    from ingestion.progress import Report
    from ingestion.source import Page, Source
    from medallion.state.pull import Replay

SAMPLE = 20  # of the records that landed last
_PLAIN = len("2026-01-01T00:00:00Z")


class Changes(Reading):
    """New and changed records. `before` are the pages to read again; timestamps after `latest` are not believed."""

    def __init__(
        self,
        entity: Entity,
        source: Source,
        before: Sequence[LookbackPage],
        watermark: str | None,
        *,
        pages: Iterator[Page],
        lookback: timedelta,
        latest: datetime,
        progress: Report,
        advance: Callable[[str | None], None],
    ) -> None:
        super().__init__(pages, watermark)
        self.held_back = self.arrived = 0
        self._entity, self._source = entity, source
        self._lookback, self._latest = lookback, latest
        self._progress, self._advance = progress, advance
        self._known = frozenset[bytes]().union(*(page.digests for page in before))
        self._asked_with = (
            before[0].cursor_before if before and watermark is not None else watermark
        )  # the cursor of the page to come
        self._through = watermark or ""
        self._newest: datetime | None = None
        self._moves = False  # whether a page has ended with a record that is new
        self._pages: deque[LookbackPage] = deque()
        self._landed: deque[bytes] = deque(maxlen=SAMPLE)
        self._version_of = _version_reader(entity)

    def take(self, page: Page) -> Sequence[bytes]:
        """The page's records that have not landed in the lookback."""
        found = digests(page.items)
        sane = len(page.items) if self.held_back else self._sane(page)
        self._remember(page, found, sane)
        self._progress(len(page.items), self.position)
        fresh = [item for item, one in zip(page.items, found, strict=True) if one not in self._known]
        self.arrived += len(fresh)
        self._landed.extend(fresh[-SAMPLE:])
        self._through, self._asked_with = page.next_cursor or "", page.next_cursor
        return fresh

    def save(self, conn: connection) -> None:
        """Save the lookback, the sample by which the source is recognized, and the watermark."""
        replace_lookback(conn, self._entity.name, self._pages)
        if sample := sample_of(self._entity, self._landed):
            replace_sample(conn, self._entity.name, topped_up(read_sample(conn, self._entity.name), sample, SAMPLE))
        self._advance(self.position)

    def cursors(self) -> tuple[str | None, str]:
        """The cursors up to which the source was read; they may be past a watermark that is held back."""
        return self.after, self._through

    def _sane(self, page: Page) -> int:
        """How many records come before the first one that is dated in the future."""
        texts = [self._version_of(item) for item in page.items]
        if moment := self._newest_of(texts):
            self._newest = max(moment, self._newest or moment)
            return len(texts)
        moments = [_moment(text) for text in texts]
        ahead = (place for place, moment in enumerate(moments) if moment is not None and moment > self._latest)
        sane = next(ahead, len(moments))
        newest = [moment for moment in moments[:sane] if moment is not None]
        self._newest = max([*newest, *([self._newest] if self._newest else [])], default=None)
        return sane

    def _newest_of(self, texts: Sequence[str | None]) -> datetime | None:
        """The newest timestamp of a page whose timestamps have one form, none of them in the future; else None.

        Texts of one form sort as their moments do, so that only one of them is parsed.
        """
        newest = max((text for text in texts if text is not None), default=None)
        if newest is None or not all(text is not None and len(text) == _PLAIN and text[-1] == "Z" for text in texts):
            return None
        moment = _moment(newest)
        return moment if moment is not None and moment <= self._latest else None

    def _remember(self, page: Page, found: Sequence[bytes], sane: int) -> None:
        if self.held_back:
            self.held_back += len(found)
            self._pages.append(LookbackPage(self.position, None, frozenset(found)))
            return
        asked_with = self._asked_with
        if sane and (self._moves or found[sane - 1] not in self._known):  # else the watermark is past them already
            self._moves = True
            self.position = page.next_cursor if sane == len(found) else self._cursor_after(page, sane)
        if sane:
            self._pages.append(LookbackPage(asked_with, self._newest or self._latest, frozenset(found[:sane])))
        if sane < len(found):
            self.held_back = len(found) - sane
            self._pages.append(LookbackPage(self.position, None, frozenset(found[sane:])))
        self._forget_old()

    def _cursor_after(self, page: Page, sane: int) -> str | None:
        """The cursor after the first `sane` records of a page: the source gives it for a page of so many."""
        shorter = self._source.page(self._asked_with, limit=sane)
        return shorter.next_cursor if shorter.items == page.items[:sane] else self._asked_with

    def _forget_old(self) -> None:
        """Keep the pages that hold a moment within the lookback, and those that were held back."""
        since = (self._newest or self._latest) - self._lookback
        while len(self._pages) > 1 and self._pages[0].newest_at is not None and self._pages[0].newest_at < since:
            self._pages.popleft()


class ChangesReplay(Reading):
    """Every record again. The watermark stays; the replay has a position of its own."""

    def __init__(
        self,
        entity: Entity,
        pages: Iterator[Page],
        replay: Replay,
        *,
        progress: Report,
        hold: Callable[[], None],
    ) -> None:
        super().__init__(pages, replay.cursor)
        self._entity, self._replay, self._progress, self._hold = entity, replay, progress, hold

    def take(self, page: Page) -> Sequence[bytes]:
        """All records of the page."""
        self.position = page.next_cursor
        self._progress(len(page.items), self.position)
        return page.items

    def save(self, conn: connection) -> None:
        """Save the replay's position, if the run still holds the entity."""
        self._hold()
        advance_replay(conn, self._replay, self.position or "")


def _moment(text: str | None) -> datetime | None:
    """The moment of a text in UTC; None when it has none."""
    utc = utc_moment(text) if text is not None else None
    return datetime.fromisoformat(utc).astimezone(timezone.utc) if utc else None


def _version_reader(entity: Entity) -> Callable[[bytes], str | None]:
    """A function that returns the text of a record's version, None where it has none."""
    version = entity.version or "updated_at"
    decoder: Any = msgspec.json.Decoder(msgspec.defstruct("Version", [(version, str)], gc=False))

    def read(record: bytes) -> str | None:
        try:
            return str(getattr(decoder.decode(record), version))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

    return read
