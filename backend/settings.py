"""Settings of the source system, all named `SOURCE_*` in the environment."""

from __future__ import annotations

import hashlib
from datetime import datetime, timezone
from typing import Literal

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from backend.anomaly_kinds import parse_anomalies
from backend.faults import parse_faults

DEVELOPMENT_KEY = "retail-dev-key"
EDITION = 2  # of the data set: raised by each change that gives the same settings other records
SHORTEST_KEY = 32  # bytes, in production: `openssl rand -hex 16` and up


class SourceSettings(BaseSettings):
    """The data set and its clock. The same values give the same data, in any process."""

    model_config = SettingsConfigDict(
        env_prefix="SOURCE_", frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True
    )

    seed: int = Field(42, ge=0, lt=2**63, description="Chooses the data set.")
    start: datetime = Field(
        datetime(2025, 9, 22, tzinfo=timezone.utc), description="When the first sale may happen (RFC 3339)."
    )
    now: datetime | None = Field(None, description="Fixes the clock (RFC 3339). Unset: the real clock.")
    sales_per_hour: int = Field(5, ge=1, le=10_000_000, description="Sales in an average hour.")
    customers: int = Field(2_000, ge=10, le=5_000_000, description="Customers there will ever be.")
    products: int = Field(400, ge=10, le=1_000_000, description="Products there are.")
    anomalies: str = Field(
        "",
        description="Anomalies to plant into the sales, comma-separated, each with an optional count in four weeks: "
        "`drop:4,spike`.",
    )
    noise: float = Field(
        0.0,
        ge=0,
        le=0.2,
        description="Share by which hours and days vary by chance. 0: an hour has exactly the sales of its kind.",
    )
    api_key: SecretStr | None = Field(None, description="A key that callers may use.")
    api_keys: SecretStr | None = Field(None, description="More keys, comma-separated.")

    environment: Literal["development", "production"] = Field(
        "development", description="`production` refuses to start with a default or short key, or with faults."
    )
    rate_limit: float | None = Field(
        None, gt=0, allow_inf_nan=False, description="Requests per second that a key may make. Unset: no limit."
    )
    rate_burst: int = Field(
        20, ge=1, description="Requests that a key may make at once before `SOURCE_RATE_LIMIT` applies."
    )
    chaos: str | None = Field(
        None, description="Faults to show, comma-separated, each with an optional share: `errors:0.1,slow`."
    )
    chaos_seed: int = Field(1, ge=0, lt=2**63, description="Chooses where `SOURCE_CHAOS` strikes.")

    @field_validator("start", "now")
    @classmethod
    def _in_utc(cls, moment: datetime | None) -> datetime | None:
        if moment is None:
            return None
        if moment.tzinfo is None:
            raise ValueError("needs an offset, such as Z")
        return moment.astimezone(timezone.utc)

    @field_validator("chaos")
    @classmethod
    def _of_known_faults(cls, chaos: str | None) -> str | None:
        parse_faults(chaos or "")
        return chaos

    @field_validator("anomalies")
    @classmethod
    def _of_known_anomalies(cls, anomalies: str) -> str:
        parse_anomalies(anomalies)
        return anomalies

    @model_validator(mode="after")
    def _fit_for_production(self) -> SourceSettings:
        if self.environment != "production":
            return self
        if DEVELOPMENT_KEY.encode() in self.accepted_keys():
            raise ValueError("SOURCE_ENVIRONMENT=production needs a key of its own: set SOURCE_API_KEY")
        if any(len(key) < SHORTEST_KEY for key in self.accepted_keys()):
            raise ValueError(f"SOURCE_ENVIRONMENT=production needs keys of at least {SHORTEST_KEY} bytes")
        if self.faults():
            raise ValueError("SOURCE_ENVIRONMENT=production does not go with SOURCE_CHAOS: unset one of them")
        if self.is_planted():
            raise ValueError("SOURCE_ENVIRONMENT=production does not go with SOURCE_ANOMALIES or SOURCE_NOISE")
        return self

    def faults(self) -> dict[str, float]:
        """The faults to show and their shares; none by default."""
        return parse_faults(self.chaos or "")

    def is_planted(self) -> bool:
        """Whether the sales have anomalies, or vary by chance."""
        return bool(parse_anomalies(self.anomalies) or self.noise)

    def source_id(self) -> str:
        """The name of this source: the same for the same data set, whatever its clock and faults."""
        chosen: tuple[object, ...] = (
            *(EDITION, self.seed, self.start.isoformat(), self.sales_per_hour, self.customers, self.products),
            *((self.anomalies, self.noise) if self.is_planted() else ()),
        )
        return f"retail-{hashlib.sha256(repr(chosen).encode()).hexdigest()[:12]}"

    def accepted_keys(self) -> tuple[bytes, ...]:
        """Every key a caller may use; the development key when none is configured."""
        given = [secret.get_secret_value() for secret in (self.api_key, self.api_keys) if secret]
        keys = [key.strip() for text in given for key in text.split(",")]
        return tuple(key.encode() for key in keys if key) or (DEVELOPMENT_KEY.encode(),)


def load_settings() -> SourceSettings:
    """Settings from the environment. Ends the process with one line that names the variable that is wrong."""
    try:
        return SourceSettings()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        variable = f"SOURCE_{first['loc'][0]}: ".upper() if first["loc"] else ""
        said = first["msg"].removeprefix("Value error, ")
        raise SystemExit(f"source API: {variable}{said} (docs/configuration.md lists every setting)") from error
