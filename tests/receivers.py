"""Who receives an alarm: a web address and a mail server, real ones on free ports."""

from __future__ import annotations

import email
import email.policy
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


class Mailbox(socketserver.StreamRequestHandler):
    """As much of SMTP as a client needs to hand over a message."""

    def handle(self) -> None:
        self._say("220 here")
        while line := self.rfile.readline():
            verb = line.split()[0].upper() if line.split() else b""
            if verb == b"DATA":
                self._say("354 go on")
                self.server.received.append(self._message())  # type: ignore[attr-defined]
            self._say("221 bye" if verb == b"QUIT" else "250 ok")
            if verb == b"QUIT":
                return

    def _message(self) -> str:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line)
        parsed = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
        body = parsed.get_body(("html", "plain"))
        return f"To: {parsed['To']}\nSubject: {parsed['Subject']}\n\n{body.get_content() if body else ''}"

    def _say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())


class Hook(BaseHTTPRequestHandler):
    """A web address that keeps what is posted to it, with path and headers."""

    def do_POST(self) -> None:
        posted = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server: Any = self.server
        if server.answer < 300:
            server.received.append(posted | {"_path": self.path, "_authorization": self.headers["Authorization"]})
        self.send_response(server.answer)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def mail_server(port: int = 0) -> Iterator[Any]:
    """`received`: the messages as text; `server_address`: where it listens."""
    with _serving(socketserver.ThreadingTCPServer(("127.0.0.1", port), Mailbox)) as server:
        yield server


@contextmanager
def webhook(answer: int = 200) -> Iterator[Any]:
    """`received`: what was posted and accepted; `answer`: the status it gives."""
    with _serving(HTTPServer(("127.0.0.1", 0), Hook)) as server:
        server.answer = answer
        yield server


@contextmanager
def _serving(server: Any) -> Iterator[Any]:
    server.received = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
