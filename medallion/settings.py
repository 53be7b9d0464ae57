"""Settings of the pipeline: one class, read from the environment.

Every field is one environment variable of the same name in upper case; `docs/configuration.md` holds the
same list, and a test keeps the two together. While the platform runs on one machine, the launcher writes
the addresses and credentials it made to `connection.env` under `RETAIL_HOME`, so that a step can be run
by hand with no setting at all; the environment wins over that file.

Settings are read once, at the edge, and handed in as an argument: no module keeps a global copy.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from medallion.errors import SettingInvalid, SettingMissing
from medallion.secret_files import SecretFiles

PROJECT_ROOT = Path(__file__).resolve().parent.parent
CONNECTION_FILE = "connection.env"


class Settings(BaseSettings):
    """The settings of the pipeline. Field names in upper case are the environment variables."""

    model_config = SettingsConfigDict(
        extra="ignore",
        frozen=True,
        validate_default=True,
        env_ignore_empty=True,
        hide_input_in_errors=True,  # it may be a secret
    )

    retail_home: Path = Field(
        PROJECT_ROOT / "data",
        description="Folder of all run-time state: embedded Postgres, Bronze, Airflow, logs.",
    )
    database_url: SecretStr | None = Field(
        None, description="Warehouse, as `postgresql://user:password@host:port/database`."
    )
    source_api_url: str | None = Field(None, description="Base address of the source API.")
    source_api_key: SecretStr | None = Field(None, description="Key sent as `X-API-Key`.")
    inbox_url: str | None = Field(
        None,
        description="Where people put files, in a folder for each entity: a folder or any fsspec URL. Default: "
        "`RETAIL_HOME/inbox`.",
    )
    inbox_settle_seconds: float = Field(
        2, ge=0, description="A file of the inbox that changes within this time is still being written: it waits."
    )
    bronze_url: str | None = Field(
        None,
        description="Where Bronze files live: a folder or any fsspec URL. Default: `RETAIL_HOME/bronze`.",
    )
    bronze_group_readable: bool = Field(
        default=False,
        description="Whether the group of a local Bronze folder may read it: 0750 and 0640 instead of 0700 and 0600.",
    )
    source_page_size: int = Field(5000, ge=1, le=5000, description="Records asked for per page.")
    source_request_timeout_seconds: float = Field(
        30, gt=0, description="Longest wait for the source to send the next bytes."
    )
    source_retry_seconds: float = Field(
        120,
        gt=0,
        description="Longest time for one response, with all attempts and waits; no source can extend it.",
    )
    source_retry_attempts: int = Field(8, ge=1, description="Most attempts for one page.")
    sales_gap_ttl_hours: float = Field(
        48, gt=0, description="How long sale ids that were passed over are requested again, counted from then."
    )
    sales_gap_requests: int = Field(
        50, ge=1, description="Most requests per pull for sale ids that were passed over, if the source has no totals."
    )
    source_clock_tolerance_minutes: float = Field(
        60, ge=0, description="A record whose `updated_at` lies further ahead than this goes into quarantine."
    )
    replay_minutes: float = Field(
        20, gt=0, description="How long an hourly run works on a full refresh that an earlier run did not finish."
    )
    source_lookback_minutes: float = Field(
        60,
        ge=0,
        description="Customers, products and stores: each pull starts this long before the newest change it has seen, "
        "and each check looks back twice as far.",
    )
    bronze_part_bytes: int = Field(
        64_000_000, ge=1, description="A Bronze file is closed once it holds this many bytes."
    )
    bronze_part_seconds: float = Field(
        60, gt=0, description="A part is landed after this long, so that a slow pull resumes near its end."
    )
    backfill_jobs: int = Field(
        2, ge=1, le=64, description="Ranges of a backfill that are pulled in parallel: one per processor."
    )
    bronze_retention_days: float | None = Field(
        None,
        gt=0,
        description="Every night, files in Silver that are older than this are removed. Unset: all are kept.",
    )
    result_retention_days: float = Field(
        90, gt=0, description="Results of models, tests and audits of Gold are kept in the warehouse for this long."
    )
    reject_limit_share: float = Field(
        0.1,
        ge=0,
        le=1,
        description="A file is not loaded when more than this share of its records is refused, and more than "
        "`REJECT_LIMIT_COUNT`.",
    )
    reject_limit_count: int = Field(
        10, ge=0, description="Refused records of a file that are always quarantined without failing its load."
    )
    load_chunk_bytes: int = Field(
        12_000_000, ge=1, description="Bytes of a Bronze file validated and copied at a time: bounds memory."
    )
    anomaly_least_amount: float = Field(
        100,
        ge=0,
        description="Money, in the currency of the sales, below which an anomaly is not reported.",
    )
    anomalies_fail_run: bool = Field(
        default=False, description="Whether a new anomaly fails the hourly run, after everything is loaded."
    )
    alert_email: str | None = Field(
        None,
        description="Who is notified of incidents by e-mail: comma-separated addresses. Sent through Airflow's "
        "connection `smtp_default`.",
    )
    alert_webhook: str | None = Field(
        None, description="Airflow connection (its id) of a web address that is notified of incidents, as JSON."
    )
    hour_deadline_minutes: float = Field(
        60,
        gt=0,
        description="A scheduled run that has not begun, or not ended, this long after it should have is an "
        "incident; so is a backfill that has not moved for this long.",
    )

    @field_validator("database_url")
    @classmethod
    def _of_postgres(cls, url: SecretStr | None) -> SecretStr | None:
        """Refuse an invalid URL here: it holds a password, which drivers repeat in their errors."""
        if url is not None and not _is_postgres_address(url.get_secret_value()):
            raise ValueError("must be an address such as postgresql://user:password@host:port/database")
        return url

    @field_validator("source_api_url")
    @classmethod
    def _without_trailing_slash(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        if url is not None and "@" in urlsplit(url).netloc:
            raise ValueError("must hold no user or password: the key goes into SOURCE_API_KEY")
        return url.rstrip("/") if url else None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment, then files that it names, then `connection.env`."""
        return init_settings, env_settings, SecretFiles(settings_cls), dotenv_settings, file_secret_settings

    @property
    def inbox_location(self) -> str:
        """Where people put files, default applied."""
        return self.inbox_url or str(self.retail_home / "inbox")

    @property
    def bronze_location(self) -> str:
        """Where Bronze files live, default applied."""
        return self.bronze_url or str(self.retail_home / "bronze")

    def require_database_url(self) -> str:
        """The warehouse's address; ConfigurationError when there is none."""
        if self.database_url is None:
            raise SettingMissing(variable="DATABASE_URL", meaning="the address of the warehouse")
        return self.database_url.get_secret_value()

    def require_source(self) -> tuple[str, str]:
        """Base address and key of the source; ConfigurationError when either is missing."""
        if self.source_api_url is None:
            raise SettingMissing(variable="SOURCE_API_URL", meaning="the address of the source API")
        if self.source_api_key is None:
            raise SettingMissing(
                variable="SOURCE_API_KEY",
                meaning=f"the key of the source at {self.source_api_url}",
                remedy="set SOURCE_API_KEY to the key that this source has given you",
            )
        return self.source_api_url, self.source_api_key.get_secret_value()


def load_settings() -> Settings:
    """Settings from the environment, then from `connection.env`. Raises ConfigurationError."""
    home = Path(os.environ.get("RETAIL_HOME") or PROJECT_ROOT / "data")
    try:
        return Settings(_env_file=home / CONNECTION_FILE)
    except ValidationError as error:
        raise _invalid(error) from error


def _is_postgres_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("postgresql", "postgres") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # unbalanced brackets, a port that is not a number
        return False


def _invalid(error: ValidationError) -> SettingInvalid:
    first = error.errors(include_url=False, include_input=False)[0]
    variable = "_".join(str(part) for part in first["loc"]).upper() or "settings"
    return SettingInvalid(variable=variable, reason=first["msg"])
