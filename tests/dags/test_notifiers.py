"""Where a connection points, however it was written."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://hooks.example.org/services/T0/B0", "https://hooks.example.org/services/T0/B0"),
        ("http://127.0.0.1:8099/alarm", "http://127.0.0.1:8099/alarm"),
        ("http://hooks.example.org/https", "https://hooks.example.org/"),
        ("http://https%3A%2F%2Fhooks.example.org%2Fservices%2FT0", "https://hooks.example.org/services/T0"),
        ('{"conn_type": "http", "host": "https://hooks.example.org/x"}', "https://hooks.example.org/x"),
    ],
)
def test_an_address_is_read_from_a_connection(written: str, meant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_ALARM", written)
    from airflow.sdk import Connection
    from retail_notifiers import address

    assert address(Connection.get("alarm")) == meant
