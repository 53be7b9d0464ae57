"""Text that leaves the platform or is kept where others read it, without the secrets in it."""

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
    """The text, with passwords of addresses and every secret that we know blanked out."""
    for secret in sorted(_secrets(settings), key=len, reverse=True):
        text = text.replace(secret, "***")
    text = re.sub(r"(://[^\s:/@]*:)(?!password@)[^\s@]+@", r"\1***@", text)  # `password` stands in examples of ours
    return re.sub(r"(?i)(password\s*=\s*)('[^']*'|\S+)", r"\1***", text)


def record_to_keep(error: BaseException) -> ErrorRecord:
    """What the ETL log and the file of a failure keep of an error: bounded, without secrets.

    Whoever keeps it may have been handed no settings, or it may be these that are wrong: they are read here.
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
