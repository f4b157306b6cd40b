"""Answers for a loop that stands still: from another thread, on the socket the loop listens on."""

import json
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http import HTTPStatus
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector
from typing import Final

from whispr_daemon.adapters.api.server import HealthServer
from whispr_daemon.ports.clock import Clock

_AT_ONCE: Final = 16  # requests answered in one go
_WITHIN: Final = 0.5  # seconds, all of them; whoever needs longer for a request of one line is left
_LONGEST: Final = 8_192  # bytes of a request
_TEXT: Final = "text/plain; charset=utf-8"
_JSON: Final = "application/json"
_METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_BARE: Final = "the event loop stands still"


class StandIn:
    """Says what is wrong, to who asks while the loop cannot: no probe is left without an answer."""

    def __init__(self, server: HealthServer, clock: Clock, token: str | None = None) -> None:
        """Without the ``token``, if there is one, only /livez answers, and names nobody."""
        self._server, self._clock = server, clock
        self._expected = None if token is None else f"Bearer {token}".encode()

    def answer(self, reason: str, figures: Callable[[], bytes]) -> None:
        """Answer those who wait, and return. ``figures`` are for /metrics.

        All are answered as fast as each asks, so nobody waits for one who is slow; and that one
        does not hold this for longer than half a second, however it goes on.
        """
        until = self._clock.monotonic() + _WITHIN
        with ExitStack() as open_, DefaultSelector() as waiting:
            for asking in self._who_wait():
                open_.enter_context(asking)
                waiting.register(asking, EVENT_READ, _Exchange(asking))
            while waiting.get_map() and (left := until - self._clock.monotonic()) > 0:
                for key, _ in waiting.select(left):
                    exchange: _Exchange = key.data
                    events = exchange.go_on(lambda asked: self._response(asked, reason, figures))
                    if events:
                        waiting.modify(exchange.asking, events, exchange)
                    else:
                        waiting.unregister(exchange.asking)
                        exchange.asking.close()

    def _who_wait(self) -> Iterator[socket.socket]:
        for _ in range(_AT_ONCE):
            try:
                asking, _ = self._server.accept()
            except OSError:  # nobody, or nobody listens any more
                return
            asking.settimeout(0)
            yield asking

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


class _Exchange:
    """A request that comes in and its answer that goes out, as fast as the other side lets it."""

    def __init__(self, asking: socket.socket) -> None:
        self.asking = asking
        self._request = self._answer = b""

    def go_on(self, response: Callable[[bytes], bytes]) -> int:
        """Do what can be done at once; return for which event it waits now, 0 when it is over."""
        try:
            if not self._answer:
                part = self.asking.recv(_LONGEST)
                self._request += part
                if part and b"\r\n\r\n" not in self._request and len(self._request) < _LONGEST:
                    return EVENT_READ
                self._answer = response(self._request)
            self._answer = self._answer[self.asking.send(self._answer) :]
        except BlockingIOError:
            return EVENT_WRITE if self._answer else EVENT_READ
        except OSError:  # gone before the answer
            return 0
        return EVENT_WRITE if self._answer else 0


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
