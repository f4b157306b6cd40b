"""Answers for a loop that stands still: from another thread, on the socket the loop listens on."""

import json
import secrets
import socket
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Final

from whispr_daemon.adapters.api.server import HealthServer

_AT_ONCE: Final = 16  # requests answered in one go
_SENT_WITHIN: Final = 0.5  # seconds; whoever needs longer for a request of one line is left
_LONGEST: Final = 8_192  # bytes of a request
_TEXT: Final = "text/plain; charset=utf-8"
_JSON: Final = "application/json"
_METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_BARE: Final = "the event loop stands still"


class StandIn:
    """Says what is wrong, to who asks while the loop cannot: no probe is left without an answer."""

    def __init__(self, server: HealthServer, token: str | None = None) -> None:
        """Without the ``token``, if there is one, only /livez answers, and names nobody."""
        self._server = server
        self._expected = None if token is None else f"Bearer {token}".encode()

    def answer(self, reason: str, figures: Callable[[], bytes]) -> None:
        """Answer those who wait, and return. ``figures`` are for /metrics."""
        for _ in range(_AT_ONCE):
            try:
                asking, _ = self._server.accept()
            except OSError:  # nobody, or nobody listens any more
                return
            with asking, suppress(OSError):  # gone before the answer
                asking.settimeout(_SENT_WITHIN)
                asking.sendall(self._response(_request(asking), reason, figures))

    def _response(self, request: bytes, reason: str, figures: Callable[[], bytes]) -> bytes:
        line, *headers = request.split(b"\r\n")
        path = line.partition(b" ")[2].partition(b" ")[0].partition(b"?")[0]
        if self._expected is not None and not _holds(self._expected, headers):
            if path == b"/livez":
                return _written(503, _TEXT, f"{_BARE}\n".encode())
            refusal = {"error": "send the token as 'Authorization: Bearer <token>'"}
            return _written(401, _JSON, json.dumps(refusal).encode())
        if path == b"/livez":
            return _written(503, _TEXT, f"{reason}\n".encode())
        if path == b"/metrics":
            return _written(200, _METRICS_TYPE, figures())
        told = {"ready": False, "reasons": [reason]} if path == b"/readyz" else {"error": reason}
        return _written(503, _JSON, json.dumps(told).encode())


def _request(asking: socket.socket) -> bytes:
    """Return the head of a request."""
    found = b""
    while b"\r\n\r\n" not in found and len(found) < _LONGEST:
        part = asking.recv(_LONGEST)
        if not part:
            break
        found += part
    return found


def _holds(expected: bytes, headers: list[bytes]) -> bool:
    for header in headers:
        name, _, value = header.partition(b":")
        if name.lower() == b"authorization":
            return secrets.compare_digest(value.strip(), expected)
    return False


def _written(status: int, content_type: str, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: {content_type}\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body
