"""Airflow's pools, set through its public API: they are in its metadata, and no environment variable creates one."""

from __future__ import annotations

from http import HTTPStatus

import httpx

from medallion.errors import RetailError
from stack.services.airflow.service import USER

BACKFILL = "retail_backfill"
_SECONDS = 30


def set_pool(base_url: str, password: str, name: str, slots: int, description: str) -> None:
    """Create the pool, or set its number of slots. Raises RetailError when Airflow refuses."""
    pool = {"name": name, "slots": slots, "description": description, "include_deferred": False}
    try:
        with httpx.Client(base_url=base_url, timeout=_SECONDS, trust_env=False) as airflow:
            answer = airflow.post("/auth/token", json={"username": USER, "password": password}).raise_for_status()
            airflow.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
            created = airflow.post("/api/v2/pools", json=pool)
            if created.status_code == HTTPStatus.CONFLICT:
                created = airflow.patch(f"/api/v2/pools/{name}", json=pool)
            created.raise_for_status()
    except httpx.HTTPError as error:
        raise RetailError(
            f"Airflow's pool {name} could not be set: {error}", remedy="see airflow-api-server.log among the logs"
        ) from error
