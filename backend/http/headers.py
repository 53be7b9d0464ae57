"""Headers that every answer carries: no sniffing, no caching, no referrer; data says which source it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECURITY = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
NOT_KEPT = {"Cache-Control": "no-store"}  # an answer to a key is for its owner, and old with the next second
_DATA = ("application/json", "application/problem+json")


class SecurityHeaders:
    """Middleware that adds them. The script and style of the documentation may be kept, data may not."""

    def __init__(self, app: ASGIApp, *, source_id: str) -> None:
        self._app, self._source_id = app, source_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the app does, with the headers."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                is_data = headers.get("content-type", "").startswith(_DATA)
                of_data = NOT_KEPT | {"X-Source-Id": self._source_id} if is_data else {}
                for name, value in (SECURITY | of_data).items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)
