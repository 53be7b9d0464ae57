"""Removal of secrets from text that leaves the platform or is kept where others read it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from medallion.error_record import ErrorRecord, record_of
from medallion.errors import ConfigurationError
from medallion.settings import Settings, load_settings

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHORTEST_SECRET = 6  # a shorter one would blank ordinary words


def without_secrets(text: str, settings: Settings | None) -> str:
    """The text, with passwords in URLs and every secret of the settings blanked out."""
    for secret in sorted(_secrets(settings), key=len, reverse=True):
        text = text.replace(secret, "***")
    text = re.sub(r"(://[^\s:/@]*:)(?!password@)[^\s@]+@", r"\1***@", text)  # `password` stands in our examples
    return re.sub(r"(?i)(password\s*=\s*)('[^']*'|\S+)", r"\1***", text)


def record_to_keep(error: BaseException) -> ErrorRecord:
    """The record of an error for the ETL log and the failure file: bounded, without secrets.

    Settings are read here, as the caller may have none, or they may be what is wrong.
    """
    try:
        settings = load_settings()
    except ConfigurationError:
        settings = None
    return record_of(error, clean=lambda text: without_secrets(text, settings))


def _secrets(settings: Settings | None) -> Iterable[str]:
    if settings is None:
        return set()
    address = settings.database_url.get_secret_value() if settings.database_url else ""
    password = urlsplit(address).password or ""
    key = settings.source_api_key.get_secret_value() if settings.source_api_key else ""
    known = {key, password, unquote(password), quote(unquote(password), safe="")}
    return {one for one in known if len(one) >= _SHORTEST_SECRET}
