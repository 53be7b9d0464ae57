"""The check, before a pull writes, that the source is the same. `python -m ingestion.identity` accepts another one.

Another source at the same address would hand out other records under the same ids, and one that was restored from a
backup hands out ids again. Without this check a pull would silently continue from the watermark. A source may name
itself in the header X-Source-Id. Whether it does or not, some of the records that landed last are kept as fingerprints:
a source that has none of them any more is another one.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ingestion.fingerprint import fingerprint, is_the_same
from ingestion.gaps import check_inside
from ingestion.reading import digest
from ingestion.record_ids import id_of_cursor
from medallion.database import transaction
from medallion.entities.registry import ENTITIES
from medallion.errors import ConfigurationError, NotOffered, SourceUnavailable, SourceViolation
from medallion.process.step import run_step
from medallion.state.id_range import IdRange
from medallion.state.pull import forget_source, is_accepted, note_source, read_sample, replace_sample, source_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from psycopg2.extensions import connection

    from ingestion.entity import Entity
    from ingestion.source import Page, Source
    from medallion.state.pull import LookbackPage, SampleRecord

_MOST_WAITING = 20  # pages that are kept until the source is recognized
_NEAR = 1000  # ids before a watermark of which no sample was kept


def require_same_name(conn: connection, source: Source, entity: Entity) -> None:
    """Raise SourceViolation when the source's name has changed; remember its name. Sends no request."""
    if source.source_id is None:
        return
    with transaction(conn):
        known = source_id(conn, entity.name)
        if known is None:
            note_source(conn, entity.name, source.source_id)
    if known is not None and known != source.source_id:
        raise another_source(
            entity, f"the source names itself {source.source_id!r}; what landed before came from {known!r}"
        )


def require_known_records(conn: connection, source: Source, entity: Entity, watermark: str) -> None:
    """Raise SourceViolation when the source has none of the records that landed last of a listing by id.

    A withdrawn record does not matter. Costs one request, which returns no record, where the source offers totals.
    """
    with transaction(conn):
        sample = read_sample(conn, entity.name)
        accepted = is_accepted(conn, entity.name)
    if accepted:
        return
    if not sample:
        _require_any_near(source, entity, watermark)
    elif not _totals_agree(source, sample):
        _require_any_of(conn, source, entity, sample, watermark)


def of_known_source(
    read: Callable[[], Iterator[Page]],
    read_all: Callable[[], Iterator[Page]],
    entity: Entity,
    before: Sequence[LookbackPage],
    sample: Sequence[SampleRecord],
) -> Iterator[Page]:
    """The pages that `read` gives, held back until a page has shown a record that landed before.

    A few pages wait for that; more are read a second time. Where none of them shows one, as when the last record was
    deleted, the listing is searched from its beginning (`read_all`). Raises SourceViolation when it has none either.
    """
    if not sample:
        yield from read()
        return
    known = frozenset[bytes]().union(*(page.digests for page in before))
    pages = read()
    waiting: list[Page] = []
    for number, page in enumerate(pages, 1):
        waiting = [*waiting, page] if number <= _MOST_WAITING else []
        if _shows_any(page, entity, known, sample):
            yield from waiting
            yield from pages if waiting else read()
            return
    if any(_shows_any(page, entity, known, sample) for page in read_all()):
        yield from waiting or read()
        return
    raise another_source(entity, "the source knows none of the records that landed last")


def another_source(entity: Entity, what: str) -> SourceViolation:
    """The error that stops the entity, with the remedy."""
    return SourceViolation(
        f"{entity.name}: {what}",
        remedy="nothing was written. If SOURCE_API_URL is wrong, set it right. If this source is meant, or it was "
        f"restored from a backup: ./retail accept-source {entity.name}; then compare all: ./retail reconcile --all",
    )


def accept_source(conn: connection, named: Sequence[str]) -> str:
    """Accept the next source that answers, for the named entities or, without names, for all. The watermark stays.

    Raises ConfigurationError for a name that is not an entity.
    """
    if unknown := sorted(set(named) - set(ENTITIES)):
        raise ConfigurationError(f"no entity is named {unknown[0]!r}", remedy=f"name some of {', '.join(ENTITIES)}")
    accepted = named or tuple(ENTITIES)
    with transaction(conn):
        for entity in accepted:
            forget_source(conn, entity)
    return f"{', '.join(accepted)}: the next pull accepts the source that answers"


def _totals_agree(source: Source, sample: Sequence[SampleRecord]) -> bool:
    """Whether the source's totals of the sample's range are those of the sample."""
    try:
        return source.totals(IdRange(sample[0].record_id, sample[-1].record_id)).agrees(sample)
    except (NotOffered, SourceUnavailable, SourceViolation):
        return False


def _require_any_of(
    conn: connection, source: Source, entity: Entity, sample: Sequence[SampleRecord], watermark: str
) -> None:
    window, by_id = IdRange(sample[0].record_id, sample[-1].record_id), {one.record_id: one for one in sample}
    found, is_known = [], False
    for page in source.pages(str(window.first - 1), up_to=window.last):
        check_inside(entity, window, page)
        for item in page.items:
            if now := fingerprint(entity, item):
                found.append(now)
                is_known |= now.record_id in by_id and is_the_same(entity, by_id[now.record_id], now)
        if is_known:
            break
    if not is_known:
        raise _unknown(entity, watermark)
    with transaction(conn):
        replace_sample(conn, entity.name, found[-len(sample) :])


def _require_any_near(source: Source, entity: Entity, watermark: str) -> None:
    """Raise unless the source has records near the watermark; for a warehouse whose pulls kept no sample yet."""
    last = id_of_cursor(entity.name, watermark)
    if not source.exists(str(max(0, last - _NEAR)), up_to=last):
        raise _unknown(entity, watermark)


def _unknown(entity: Entity, watermark: str) -> SourceViolation:
    return another_source(entity, f"the source does not know the records at the watermark {watermark} any more")


def _shows_any(page: Page, entity: Entity, known: frozenset[bytes], sample: Sequence[SampleRecord]) -> bool:
    if any(digest(item) in known for item in page.items):
        return True
    by_id = {one.record_id: one for one in sample}
    found = (fingerprint(entity, item) for item in page.items)
    return any(now and now.record_id in by_id and is_the_same(entity, by_id[now.record_id], now) for now in found)


if __name__ == "__main__":
    run_step(lambda conn, _settings: accept_source(conn, sys.argv[1:]))
