"""The source API over real HTTP: its contract, its errors, its documentation."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import httpx
import pytest

from backend.auth import is_accepted
from backend.main import create_app
from backend.models import Customer, Page, ProblemDetails, Product, Sale, Store
from backend.settings import SourceSettings
from tests.conftest import KEY, NOON, START, Source, serving

RESOURCES = ["/customers", "/products", "/stores", "/sales", "/sales/totals"]


@pytest.fixture
def api(source: Source) -> Any:
    with httpx.Client(base_url=source.url, headers={"X-API-Key": KEY}) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "model"), [("/customers", Customer), ("/products", Product), ("/stores", Store), ("/sales", Sale)]
)
def test_a_page_is_what_the_documentation_says(api: httpx.Client, path: str, model: Any) -> None:
    answer = api.get(path, params={"limit": 10})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    page = Page[model].model_validate_json(answer.content)
    assert page.count == len(page.items) == 10
    assert page.has_more
    assert page.next_cursor


def test_the_default_limit_is_a_thousand(api: httpx.Client) -> None:
    assert api.get("/sales").json()["count"] == 1000


def test_following_the_cursor_reads_everything_once(api: httpx.Client, source: Source) -> None:
    ids: list[int] = []
    cursor: dict[str, str] = {}
    while True:
        page = api.get("/sales", params={"limit": 333} | cursor).json()
        ids += [sale["sale_id"] for sale in page["items"]]
        cursor = {"cursor": page["next_cursor"]}
        if not page["has_more"]:
            break
    assert ids == list(range(1, source.data.last_sale_id() + 1))


def test_totals_are_those_of_the_pages_to_the_cent(api: httpx.Client) -> None:
    sales = api.get("/sales", params={"cursor": "10", "limit": 90, "up_to": 100}).json()["items"]
    lines = [line for sale in sales for line in sale["lines"]]
    net = sum(line["quantity"] * Decimal(line["unit_price"]) - Decimal(line["discount"]) for line in lines)
    totals = api.get("/sales/totals", params={"after": 10, "up_to": 100}).json()
    checksum = totals.pop("checksum")
    assert checksum.isdecimal()
    assert totals == {"sales": 90, "lines": len(lines), "net_amount": str(net)}


@pytest.mark.parametrize("path", RESOURCES)
@pytest.mark.parametrize("headers", [{}, {"X-API-Key": "wrong"}, {"X-API-Key": ""}, {"Authorization": KEY}])
def test_without_a_right_key_there_is_only_a_401(source: Source, path: str, headers: dict[str, str]) -> None:
    answer = httpx.get(source.url + path, headers=headers)
    assert answer.status_code == 401
    assert "www-authenticate" in answer.headers
    assert_problem(answer)


def test_a_key_in_the_address_is_no_key(source: Source) -> None:
    assert httpx.get(f"{source.url}/sales", params={"X-API-Key": KEY, "api_key": KEY}).status_code == 401


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_health_needs_no_key(source: Source, path: str) -> None:
    assert httpx.get(source.url + path).json() == {"status": "ok"}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/sales?limit=0", 422),
        ("/sales?limit=5001", 422),
        ("/sales?limit=x", 422),
        ("/sales?cursor=x", 422),
        ("/sales?cursor=" + "9" * 60, 422),
        ("/sales?cursor=" + "9" * 70, 422),
        ("/sales?up_to=-1", 422),
        ("/sales?up_to=99999999999999999999", 422),
        ("/sales/totals?after=99999999999999999999", 422),
        ("/customers?cursor=yesterday", 422),
        ("/products?cursor=1~", 422),
        ("/suppliers", 404),
    ],
)
def test_every_refusal_is_a_problem(api: httpx.Client, path: str, status: int) -> None:
    answer = api.get(path)
    assert answer.status_code == status
    assert_problem(answer)


def test_another_method_is_a_problem_too(api: httpx.Client) -> None:
    answer = api.post("/sales")
    assert answer.status_code == 405
    assert_problem(answer)


def test_a_defect_is_a_problem_that_tells_nothing(
    api: httpx.Client, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    def defect(*_: object) -> None:
        raise RuntimeError("a detail nobody outside should read")

    monkeypatch.setattr(source.data, "totals", defect)
    answer = api.get("/sales/totals")
    assert answer.status_code == 500
    assert_problem(answer)
    assert "detail nobody" not in answer.text


def limited(per_second: float, burst: int) -> serving:
    values = {"start": START, "now": NOON, "customers": 200, "products": 60, "api_key": KEY, "api_keys": "another"}
    return serving(create_app(SourceSettings(rate_limit=per_second, rate_burst=burst, **values)))


def test_a_key_beyond_its_rate_is_told_when_to_come_again() -> None:
    with limited(per_second=0.1, burst=3) as url, httpx.Client(base_url=url, headers={"X-API-Key": KEY}) as client:
        answers = [client.get(path) for path in RESOURCES]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert_problem(answers[-1])
        assert 0 < int(answers[3].headers["retry-after"]) <= 10
        assert client.get("/sales", headers={"X-API-Key": "another"}).status_code == 200
        assert client.get("/livez").status_code == 200


def test_a_wrong_key_has_no_rate_to_use_up() -> None:
    with limited(per_second=0.1, burst=1) as url, httpx.Client(base_url=url) as client:
        answers = [client.get("/sales", headers={"X-API-Key": "wrong"}) for _ in range(4)]
        assert {answer.status_code for answer in answers} == {401}
        assert client.get("/sales", headers={"X-API-Key": KEY}).status_code == 200


def test_without_a_limit_there_is_none(api: httpx.Client) -> None:
    assert {api.get("/sales", params={"limit": 1}).status_code for _ in range(60)} == {200}


@pytest.mark.parametrize(
    ("path", "is_data"),
    [
        *((path, True) for path in RESOURCES),
        ("/livez", True),
        ("/sales?limit=x", True),
        ("/nowhere", True),
        ("/docs", False),
    ],
)
def test_every_answer_is_neither_sniffed_nor_told_on_and_data_is_not_kept(
    api: httpx.Client, path: str, is_data: bool
) -> None:
    assert_secure(api.get(path), is_data=is_data)


def test_a_defect_and_a_wrong_key_are_answered_as_securely(
    api: httpx.Client, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source.data, "totals", None)
    refused, defect = api.get("/sales", headers={"X-API-Key": "wrong"}), api.get("/sales/totals")
    assert (refused.status_code, defect.status_code) == (401, 500)
    assert_secure(refused)
    assert_secure(defect)


def assert_secure(answer: httpx.Response, *, is_data: bool = True) -> None:
    headers = answer.headers
    assert headers.get_list("x-content-type-options") == ["nosniff"]
    assert headers.get_list("referrer-policy") == ["no-referrer"]
    assert headers.get_list("cache-control") == (["no-store"] if is_data else [])
    assert not re.search(r"\d", headers.get("server", ""))
    assert "x-powered-by" not in headers


def test_an_answer_is_compressed_for_who_asks_for_it(api: httpx.Client) -> None:
    assert api.get("/sales", headers={"accept-encoding": "gzip"}).headers["content-encoding"] == "gzip"
    assert "content-encoding" not in api.get("/sales", headers={"accept-encoding": "identity"}).headers


def test_the_documentation_names_the_key_the_errors_and_examples(source: Source) -> None:
    described = httpx.get(f"{source.url}/openapi.json").json()
    schemes = described["components"]["securitySchemes"]
    assert [(scheme["type"], scheme["in"], scheme["name"]) for scheme in schemes.values()] == [
        ("apiKey", "header", "X-API-Key")
    ]
    for path in RESOURCES:
        operation = described["paths"][path]["get"]
        assert operation["security"] == [{"ApiKey": []}]
        assert operation["summary"]
        for status in ("401", "422"):
            assert list(operation["responses"][status]["content"]) == ["application/problem+json"]
        assert all(parameter["description"] for parameter in operation["parameters"])
    for name in ("Customer", "Product", "Store", "Sale", "SaleLine"):
        properties = described["components"]["schemas"][name]["properties"]
        assert any("examples" in member for member in properties.values()), name


def test_keys_are_compared_whole_and_any_of_several_is_right() -> None:
    assert is_accepted(b"two", [b"one", b"two"])
    assert not is_accepted(b"tw", [b"one", b"two"])
    assert not is_accepted(b"", [b"one"])
    assert not is_accepted("é".encode(), [b"one"])


def assert_problem(answer: httpx.Response) -> None:
    assert answer.headers["content-type"] == "application/problem+json"
    problem = ProblemDetails.model_validate_json(answer.content)
    assert problem.status == answer.status_code
    assert json.loads(answer.content)["instance"] == answer.request.url.path
