"""Fingerprints of records, by which a source is recognized: another source at the same address has other records.

Values are compared and not bytes, so that a source may order its members or write its amounts another way. Digests are
kept and not values, as some values are personal data.
"""

from __future__ import annotations

import hashlib
import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from ingestion.sale_totals import totals_of_sale
from medallion.moments import utc_moment
from medallion.state.pull import SampleRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ingestion.entity import Entity

_RECORD = msgspec.json.Decoder(dict[str, Any])
_DECIMAL = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")
_LARGEST_ID = 2**63 - 1


def fingerprint(entity: Entity, record: bytes) -> SampleRecord | None:
    """The fingerprint of a record; None when it cannot be read, or has no id."""
    try:
        return _fingerprint(entity, _RECORD.decode(record))
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None


def sample_of(entity: Entity, records: Iterable[bytes]) -> list[SampleRecord]:
    """Fingerprints of those records that can be read; of an id that comes twice, the last."""
    found = (fingerprint(entity, one) for one in records)
    return list({one.record_id: one for one in found if one is not None}.values())


def topped_up(before: Sequence[SampleRecord], now: Sequence[SampleRecord], most: int) -> list[SampleRecord]:
    """The sample to keep: the records that landed last, then the newest of the previous sample, at most `most`."""
    landed = {one.record_id for one in now}
    room = max(0, most - len(now))
    kept = [one for one in before if one.record_id not in landed]
    return [*(kept[-room:] if room else []), *now][-most:]


def _fingerprint(entity: Entity, members: dict[str, Any]) -> SampleRecord | None:
    key = members.get(entity.key)
    if not isinstance(key, int) or isinstance(key, bool) or not 1 <= key <= _LARGEST_ID:
        return None
    lines, net_amount, checksum = totals_of_sale(members)
    return SampleRecord(
        record_id=key,
        version=_version(members, entity),
        content=json.dumps({name: _short(value) for name, value in sorted(members.items())}),
        lasting=_short([members.get(name) for name in entity.lasting]),
        lines=lines,
        net_amount=net_amount,
        checksum=checksum,
    )


def is_the_same(entity: Entity, before: SampleRecord, now: SampleRecord) -> bool:
    """Whether both are of one record of one source: unchanged, or a later version that keeps the lasting members."""
    if before.record_id != now.record_id or before.lasting != now.lasting:
        return False
    return _agree(before, now) or (entity.version is not None and before.version != now.version)


def _agree(before: SampleRecord, now: SampleRecord) -> bool:
    """Whether every member that both have is the same: a source may add members."""
    then, found = json.loads(before.content), json.loads(now.content)
    return all(then[name] == found[name] for name in then.keys() & found.keys())


def _version(members: dict[str, Any], entity: Entity) -> str | None:
    value = members.get(entity.version) if entity.version else None
    return _plain(value) if isinstance(value, str) else None


def _short(value: Any) -> str:
    said = json.dumps(_plain(value), sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    """The value in one form, however it is written: a moment in UTC, a decimal without trailing zeros."""
    if isinstance(value, str):
        if moment := utc_moment(value):
            return moment
        return f"{Decimal(value).normalize():f}" if _DECIMAL.fullmatch(value) else value
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value
