"""The addresses of the services of one machine, and the variables that name the logins of the layers."""

from __future__ import annotations

from dataclasses import dataclass, field

# Variables that hold the logins of the layers, where the warehouse is the user's own.
INGESTION_CONNECTION, TRANSFORMATION_CONNECTION = "AIRFLOW_CONN_RETAIL_INGESTION", "AIRFLOW_CONN_RETAIL_TRANSFORMATION"


@dataclass(frozen=True)
class Endpoints:
    """The addresses of the services. They hold passwords: they go into environments, never into arguments or logs."""

    database_url: str = field(repr=False)
    source_api_url: str
    source_api_key: str = field(repr=False)
    bronze_url: str
    airflow_database_url: str = field(repr=False)
    airflow_port: int
    started: tuple[str, ...] = ()
    # The logins of the layers, of the embedded server or as configured; None where there may be one login only.
    ingestion_url: str | None = field(default=None, repr=False)
    transformation_url: str | None = field(default=None, repr=False)
    reader_url: str | None = field(default=None, repr=False)

    def connection(self) -> dict[str, str]:
        """The environment variables that a step of the pipeline needs."""
        return {
            "DATABASE_URL": self.database_url,
            "SOURCE_API_URL": self.source_api_url,
            "SOURCE_API_KEY": self.source_api_key,
            "BRONZE_URL": self.bronze_url,
        }
