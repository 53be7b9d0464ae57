"""Secrets from files: `DATABASE_URL_FILE=/run/secrets/warehouse` in place of `DATABASE_URL`.

An environment variable is shown by process lists to its owner, inherited by every child and written into crash
reports; a file is read once, here. Container engines and service managers hand secrets over as files.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pydantic import SecretStr
from pydantic_settings import PydanticBaseSettingsSource

from medallion.errors import ConfigurationError

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

SUFFIX = "_FILE"


class SecretFiles(PydanticBaseSettingsSource):
    """Values of the secret fields whose `…_FILE` variable is set. Raises ConfigurationError."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The content of the field's file without the line break at its end; None when there is no file."""
        variable = f"{self.config.get('env_prefix', '')}{field_name}".upper()
        file = os.environ.get(variable + SUFFIX)
        if not file or SecretStr not in (field.annotation, *get_args(field.annotation)):
            return None, field_name, False
        if os.environ.get(variable):
            raise ConfigurationError(
                f"{variable} and {variable}{SUFFIX} are both set", remedy=f"unset one of them: {variable} is one secret"
            )
        return _content(variable + SUFFIX, Path(file)), field_name, False

    def __call__(self) -> dict[str, Any]:
        """All values that were found."""
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


def _content(variable: str, file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no text"
        raise ConfigurationError(
            f"{variable}={file} cannot be read: {reason}", remedy=f"point {variable} to a file that holds the secret"
        ) from error
