"""`Source` over HTTP: an entity's records at the source API."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from ingestion.api.client import SourceClient
from ingestion.source import SpanTotals
from medallion.state.reconciliation import Window

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingestion.entity import Entity
    from ingestion.source import Page, Source
    from medallion.settings import Settings
    from medallion.state.id_range import IdRange


class ApiSource:
    """The resource of the entity's name. The caller that made the client closes it."""

    def __init__(self, client: SourceClient, entity: Entity) -> None:
        self._client, self._entity = client, entity

    @property
    def source_id(self) -> str | None:
        """The header X-Source-Id of the last answer."""
        return self._client.source_id

    @property
    def page_size(self) -> int:
        """SOURCE_PAGE_SIZE."""
        return self._client.page_size

    def pages(self, after: str | None, *, up_to: int | None = None) -> Iterator[Page]:
        """See `SourceClient.pages`."""
        return self._client.pages(self._entity.name, after, up_to=up_to, id_key=self._entity.id_key)

    def page(self, after: str | None, *, up_to: int | None = None, limit: int | None = None) -> Page:
        """See `SourceClient.page`."""
        return self._client.page(self._entity.name, after, up_to, limit=limit)

    def exists(self, after: str, *, up_to: int | None = None) -> bool:
        """Whether any record follows the cursor: one record is requested."""
        return bool(self.page(after, up_to=up_to, limit=1).items)

    def totals(self, ids: IdRange) -> SpanTotals:
        """Raises NotOffered when the source has no totals of this resource."""
        after, up_to = ids.first - 1, ids.last
        if self._entity.has_lines:
            told = self._client.totals_with_lines(self._entity.name, after, up_to)
            return SpanTotals(told.sales, told.lines, told.net_amount, told.checksum)
        return SpanTotals(self._client.record_totals(self._entity.name, Window(after, up_to)).count)


@contextmanager
def open_source(entity: Entity, settings: Settings, client: SourceClient | None = None) -> Iterator[Source]:
    """The source of the entity's records: the one it declares, or else its resource at the source API.

    `client`: the client of the API. It is closed at the end, too.
    """
    if entity.open_source is not None:
        with entity.open_source(settings) as source:
            yield source
        return
    with client or SourceClient(settings) as opened:
        yield ApiSource(opened, entity)
