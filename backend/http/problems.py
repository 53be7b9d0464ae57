"""Every error as `application/problem+json` (RFC 9457): one shape for every reader."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from backend.http.headers import NOT_KEPT, SECURITY
from backend.models import ProblemDetails

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

MEDIA_TYPE = "application/problem+json"

_CONTENT = {"content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}}
_WORDS = {
    401: "The key is missing, wrong or revoked.",
    422: "A parameter is not valid.",
    429: "The key has used up its rate; Retry-After says when to ask again.",
}
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"description": words, "model": ProblemDetails} | _CONTENT for status, words in _WORDS.items()
}

log = logging.getLogger("uvicorn.error")


class Problem(Exception):
    """An error to be answered with. `detail` says what is wrong with this very request."""

    def __init__(self, status: int, title: str, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.title, self.detail, self.headers = status, title, detail, headers


def answer_problems(app: FastAPI) -> None:
    """Have the app answer every error as a problem, its own and the framework's."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _defect)


def _answer(
    request: Request, status: int, title: str, detail: str, headers: dict[str, str] | None = None
) -> JSONResponse:
    body = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": request.url.path,
    }
    # A defect is answered outside all middleware: what every answer carries is set here too.
    headers = SECURITY | NOT_KEPT | (headers or {})
    if status == HTTPStatus.UNAUTHORIZED:
        headers = {"WWW-Authenticate": 'ApiKey realm="retail"'} | headers
    return JSONResponse(body, status, headers, media_type=MEDIA_TYPE)


async def _problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)  # noqa: S101 - registered for this type alone
    return _answer(request, error.status, error.title, error.detail, error.headers)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this type alone
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:]) or "request"
    return _answer(request, 422, "Invalid parameter", f"{where}: {first['msg']}")


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type alone
    title = HTTPStatus(error.status_code).phrase
    return _answer(request, error.status_code, title, str(error.detail), dict(error.headers or {}))


async def _defect(request: Request, error: Exception) -> JSONResponse:
    log.error("unexpected error at %s", request.url.path, exc_info=error)
    return _answer(request, 500, "Internal Server Error", "The source system failed; its log says why.")
