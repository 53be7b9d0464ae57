"""Superset over its API: the only module that knows its routes.

One login, by password; the token and the CSRF token are sent with each request. What Superset refuses becomes a
DashboardServerError with its own words.
"""

from __future__ import annotations

import io
import itertools
import json
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx
import yaml

from medallion.errors import DashboardServerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PAGE = 100  # the most that Superset gives at once
_SECONDS = 120.0
_REFUSED = (401, 403)
_GONE = 404
_TOO_MANY = 429


@dataclass(frozen=True)
class Item:
    """A chart, data set or dashboard on the server."""

    id: int
    uuid: str
    name: str
    marked_by: str | None


class SupersetServer:
    """A session with Superset. Made by `open_server`."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def export(self) -> dict[str, dict[str, Any]]:
        """Every asset of the server by its path in a bundle, without the bundle's folder."""
        answer = self._get("/api/v1/assets/export/")
        try:
            with zipfile.ZipFile(io.BytesIO(answer.content)) as bundle:
                return {
                    name.partition("/")[2]: yaml.safe_load(bundle.read(name))
                    for name in bundle.namelist()
                    if not name.endswith("metadata.yaml")
                }
        except (zipfile.BadZipFile, yaml.YAMLError) as error:
            raise _unreadable("its export", error) from error

    def import_assets(self, bundle: bytes) -> None:
        """Import a bundle: all of it in one transaction, or nothing."""
        files = {"bundle": ("retail.zip", bundle, "application/zip")}
        self._checked(self._send("POST", "/api/v1/assets/import/", files=files))

    def list_items(self, kind: str) -> list[Item]:
        """The charts (`chart`), data sets (`dataset`) or dashboards (`dashboard`) of the server."""
        return [_item(one) for one in self._all(f"/api/v1/{kind}/")]

    def delete(self, kind: str, identity: int) -> None:
        """Delete one chart, data set or dashboard."""
        answer = self._send("DELETE", f"/api/v1/{kind}/{identity}")
        if answer.status_code != _GONE:
            self._checked(answer)

    def roles(self) -> dict[str, int]:
        """The ids of the roles by name."""
        return {one["name"]: int(one["id"]) for one in self._all("/api/v1/security/roles/")}

    def roles_of(self, dashboard: int) -> set[int]:
        """The ids of the roles that see a dashboard."""
        content = self._json(self._get(f"/api/v1/dashboard/{dashboard}"))
        return {int(one["id"]) for one in content["result"]["roles"]}

    def let_see(self, dashboard: int, roles: set[int]) -> None:
        """Let exactly these roles see a dashboard."""
        self._checked(self._send("PUT", f"/api/v1/dashboard/{dashboard}", json={"roles": sorted(roles)}))

    def chart_data(self, context: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows of a query context. Numbers are Decimal, as the text of the answer has them."""
        answer = self._send("POST", "/api/v1/chart/data", json=context)
        found = self._json(answer).get("result") or [{"error": "it answered nothing"}]
        result = found[0]
        if result.get("error"):
            raise DashboardServerError(f"Superset could not read a chart: {result['error']}", remedy=_LOOK)
        rows: list[dict[str, Any]] = result["data"]
        return rows

    def charts_of(self, dashboard: str) -> list[dict[str, Any]]:
        """What a dashboard shows to this login. Raises DashboardServerError when it may not be seen."""
        found: list[dict[str, Any]] = self._json(self._get(f"/api/v1/dashboard/{dashboard}/charts"))["result"]
        return found

    def _all(self, path: str) -> Iterator[dict[str, Any]]:
        """Every entry of a list, page by page."""
        for page in itertools.count():
            query = json.dumps({"page": page, "page_size": _PAGE})
            found = self._json(self._get(path, params={"q": query}))["result"]
            yield from found
            if len(found) < _PAGE:
                return

    def _get(self, path: str, params: Mapping[str, str] | None = None) -> httpx.Response:
        return self._checked(self._send("GET", path, params=params))

    def _send(self, method: str, path: str, **how: Any) -> httpx.Response:
        try:
            return self._client.request(method, path, **how)
        except httpx.HTTPError as error:
            raise _silent(str(self._client.base_url), error) from error

    def _json(self, answer: httpx.Response) -> Any:
        self._checked(answer)
        try:
            return json.loads(answer.text, parse_float=Decimal)
        except ValueError as error:
            raise _unreadable("an answer", error) from error

    def _checked(self, answer: httpx.Response) -> httpx.Response:
        if answer.is_success:
            return answer
        what = f"{answer.request.method} {answer.request.url.path} with status {answer.status_code}"
        raise DashboardServerError(f"Superset refused {what}: {_words(answer)}", remedy=_LOOK)


_LOOK = "see its log: ./retail logs superset"


@contextmanager
def open_server(address: str, user: str, password: str) -> Iterator[SupersetServer]:
    """A session with the Superset at `address`. Raises DashboardServerError if it is not there or refuses the login."""
    with httpx.Client(base_url=address, timeout=_SECONDS, trust_env=False, follow_redirects=False) as client:
        try:
            _log_in(client, address, user, password)
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise _silent(address, error) from error
        yield SupersetServer(client)


def _log_in(client: httpx.Client, address: str, user: str, password: str) -> None:
    """Get the token of a login, and the CSRF token of its session."""
    login = {"provider": "db", "username": user, "password": password, "refresh": False}
    answer = client.post("/api/v1/security/login", json=login)
    if answer.status_code in _REFUSED:
        raise DashboardServerError(
            f"Superset refused the login of {user}: {_words(answer)}",
            remedy="correct SUPERSET_USER and SUPERSET_PASSWORD; ./retail superset up prints those that it made",
        )
    if answer.status_code == _TOO_MANY:
        raise DashboardServerError(
            "Superset refuses logins for the moment: too many attempts", remedy="wait for half a minute"
        )
    answer.raise_for_status()
    client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    token = client.get("/api/v1/security/csrf_token/")
    if token.status_code in _REFUSED:
        raise DashboardServerError(
            f"Superset gives {user} no CSRF token: {_words(token)}",
            remedy="give a role of this user the permission can_read on SecurityRestApi",
        )
    token.raise_for_status()
    client.headers.update({"X-CSRFToken": token.json()["result"], "Referer": address})


def _item(one: dict[str, Any]) -> Item:
    name = one.get("slice_name") or one.get("dashboard_title") or one.get("table_name") or ""
    extra = one.get("extra")
    certified = json.loads(extra).get("certification") if isinstance(extra, str) and extra else None
    marked = one.get("certified_by") or (certified or {}).get("certified_by")
    return Item(int(one["id"]), str(one["uuid"]), name, marked)


def _words(answer: httpx.Response) -> str:
    """What Superset says is wrong: its messages without the frame."""
    try:
        content = answer.json()
    except ValueError:  # a page, which Superset has for what it did not expect
        return "its log says why"
    if errors := content.get("errors"):
        said = []
        for one in errors:
            details = {key: value for key, value in (one.get("extra") or {}).items() if key != "issue_codes"}
            said.append(f"{one.get('message')} {json.dumps(details) if details else ''}".strip())
        return "; ".join(said)
    return json.dumps(content.get("message", content))[:1_000]


def _silent(address: str, error: Exception) -> DashboardServerError:
    return DashboardServerError(
        f"Superset at {address} does not answer: {error or type(error).__name__}",
        remedy="start it: ./retail superset up",
    )


def _unreadable(what: str, error: Exception) -> DashboardServerError:
    return DashboardServerError(f"{what} of Superset cannot be read: {error}", remedy=_LOOK)
