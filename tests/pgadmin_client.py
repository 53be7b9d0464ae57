"""pgAdmin as its page in the browser calls it: the tree of servers, a connection, a query."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tests.process_table import eventually

_TOKEN = re.compile(r"pgAdmin\['csrf_token'\] = '([^']+)'")
_QUERY_TOOL = 4_711  # the number of the tab, which the page chooses


@dataclass(frozen=True)
class PgAdmin:
    """A browser that has opened the address with the key."""

    http: httpx.Client

    def servers(self) -> dict[str, tuple[int, int]]:
        """Name of each server in the tree → its group and its own number."""
        groups = self._call("GET", "/browser/nodes/")
        found = [
            (group, one)
            for group in groups
            for one in self._call("GET", f"/browser/server_group/children/{group['_id']}")
        ]
        return {one["label"]: (int(group["_id"]), int(one["_id"])) for group, one in found}

    def connect(self, group: int, server: int, **password: str) -> httpx.Response:
        """Connect to a server, as a click on it does."""
        return self.http.post(f"/browser/server/connect/{group}/{server}", json=password)

    def databases(self, group: int, server: int) -> dict[str, int]:
        """The databases of a connected server that the tree shows, with their numbers."""
        found = self._call("GET", f"/browser/database/nodes/{group}/{server}/")
        return {one["label"]: int(one["_id"]) for one in found}

    def query(self, group: int, server: int, database: int, statement: str) -> list[list[Any]]:
        """Rows of a statement in the query tool; AssertionError with pgAdmin's words if it fails."""
        place = f"{_QUERY_TOOL}/{group}/{server}/{database}"
        self._call("POST", f"/sqleditor/initialize/sqleditor/{place}", json={"dbname": "retail"})
        self._call("POST", f"/sqleditor/query_tool/start/{_QUERY_TOOL}", json={"sql": statement})
        answers: list[Any] = []

        def is_done() -> bool:
            answers.append(self._call("GET", f"/sqleditor/poll/{_QUERY_TOOL}"))
            return answers[-1]["status"] != "Busy"

        assert eventually(is_done, 60), answers[-1]
        assert answers[-1]["status"] == "Success", answers[-1]["result"]
        rows: list[list[Any]] = answers[-1]["result"]
        return rows

    def _call(self, method: str, path: str, **content: Any) -> Any:
        answer = self.http.request(method, path, **content)
        assert answer.is_success, answer.text
        return answer.json()["data"]


@contextmanager
def opened(address: str) -> Iterator[PgAdmin]:
    """A browser that has opened pgAdmin by its address with the key."""
    base = address.partition("/?")[0]
    with _browsing(base) as http:
        assert http.get(address).is_success
        (token,) = _TOKEN.findall(http.get("/browser/js/utils.js").text)
        http.headers["X-pgA-CSRFToken"] = token
        yield PgAdmin(http)


@contextmanager
def _browsing(base: str) -> Iterator[httpx.Client]:
    """A client that keeps cookies past their end, which at a shifted date lies in the past."""
    kept: dict[str, str] = {}

    def keep(answer: httpx.Response) -> None:
        for cookie in answer.headers.get_list("set-cookie"):
            name, _, value = cookie.partition(";")[0].partition("=")
            kept[name] = value

    def send(request: httpx.Request) -> None:
        request.headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in kept.items())

    hooks: dict[str, list[Any]] = {"response": [keep], "request": [send]}
    with httpx.Client(base_url=base, trust_env=False, follow_redirects=True, timeout=60, event_hooks=hooks) as http:
        yield http
