"""The API keeps what its OpenAPI document promises, for requests nobody thought of: schemathesis, all its checks."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from backend.main import create_app
from backend.settings import SourceSettings
from tests.conftest import KEY, NOON, START

schemathesis = pytest.importorskip("schemathesis", reason="needs schemathesis: install requirements-dev.txt")

EXAMPLES = 40
CRUCIAL = {
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
    "negative_data_rejection", "positive_data_acceptance", "ignored_auth", "unsupported_method",
}  # fmt: skip


def app(**changes: Any) -> Any:
    values = {"seed": 7, "start": START, "now": NOON, "sales_per_hour": 20, "customers": 200, "products": 60}
    return create_app(SourceSettings(api_key=KEY, **values | changes))


def document_of(application: Any) -> Any:
    config = schemathesis.Config.from_dict({"parameters": {"header.X-API-Key": KEY}})
    return schemathesis.openapi.from_asgi("/openapi.json", application, config=config)


plain, chaotic = document_of(app()), document_of(app(chaos="late-commits:0.3", rate_limit=1_000_000))
thorough = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
)


@plain.parametrize()
@thorough
def test_every_answer_is_as_documented(case: Any) -> None:
    checks = schemathesis.checks.CHECKS.get_all()
    assert {check.__name__ for check in checks} >= CRUCIAL
    case.call_and_validate(checks=checks)


@chaotic.include(path_regex="^/(chaos|sales)").parametrize()
@thorough
def test_every_answer_is_as_documented_with_late_commits_and_a_rate_limit(case: Any) -> None:
    case.call_and_validate(checks=schemathesis.checks.CHECKS.get_all())
