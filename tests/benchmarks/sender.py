"""A process that sends events to a daemon over a socket, as many a second as it is told.

Events are due by the clock, whether those before were taken or not: who is late with one is late
with all that are due meanwhile, and nothing is left out of what is measured.
"""

import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

import msgspec

from tests.benchmarks.market import Market, ticks
from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.domain.batch import EVENT_DTYPE, Rows

_REPO: Final = Path(__file__).resolve().parents[2]
_AT_ONCE: Final = 4096  # rows
_IDLE: Final = 0.001  # seconds until more of a market are due


class Order(msgspec.Struct, frozen=True):
    """What is to be sent."""

    rate: float = 0.0  # events a second; 0: the market's history, at once
    seconds: float = 0.0
    share: int = 0  # of ticks every so-manieth is answered; 0: events of the market

    @property
    def events(self) -> int:
        """How many there are."""
        return max(1, round(self.rate * self.seconds))


class Sent(msgspec.Struct, frozen=True):
    """How it went."""

    due: int  # events, of this order and all before; what was due and not sent is sent later
    sent: int
    answered: int = 0  # those of this order that are answered


class Sender:
    """The process as who started it has it; a context manager."""

    def __init__(self, path: Path) -> None:
        """``path`` is of the socket, on which the daemon's end connects."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.sender", str(path)],
            cwd=_REPO,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._answer()

    def __enter__(self) -> Self:
        """Nothing is sent yet."""
        return self

    def __exit__(self, *_raised: object) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()

    def send(self, order: Order) -> Sent:
        """Return when that was sent, or its time is over."""
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(order) + b"\n")
        self._process.stdin.flush()
        return msgspec.json.decode(self._answer(), type=Sent)

    def _answer(self) -> bytes:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the sender has ended"
        return line


class _Wire:
    """The socket's end here: rows go out as far as they are taken."""

    def __init__(self, taker: socket.socket) -> None:
        self._taker = taker
        taker.setblocking(False)
        self._rest = memoryview(b"")

    @property
    def waiting(self) -> int:
        """Rows that are not, or not wholly, taken yet."""
        return -(-len(self._rest) // EVENT_DTYPE.itemsize)

    def send(self, rows: Rows, until: float) -> None:
        """Send rows and what is left of those before; after a time what is left waits."""
        assert not self._rest
        self._rest = memoryview(rows.tobytes())
        self.flush(until)

    def flush(self, until: float) -> bool:
        """Return whether all is sent before some time."""
        while self._rest:
            try:
                self._rest = self._rest[self._taker.send(self._rest) :]
            except BlockingIOError:
                left = until - SYSTEM_CLOCK.monotonic()
                if left <= 0:
                    return False
                select.select((), (self._taker,), (), min(left, 1.0))
        return True


class _Course:
    """Orders, one after the other, over one socket."""

    def __init__(self, wire: _Wire) -> None:
        self._wire = wire
        self._market = Market()
        self._due = self._sent = self._shown = 0  # rows; shown: of the market

    def follow(self, order: Order) -> Sent:
        if not order.rate:
            return self._history()
        began, zero = SYSTEM_CLOCK.monotonic(), SYSTEM_CLOCK.now()
        end = began + order.seconds
        before = self._sent
        target = before + order.events

        def rows(number: int, most: int) -> Rows:
            if not order.share:
                made = self._market.rows(self._shown, most)
                self._shown += len(made)
                return made
            due = range(number, number + most)
            return ticks(before, due, order.share, zero, order.rate)

        sent = self._pace(order, began, end, rows)
        self._due, self._sent = target, before + sent
        answered = sent // order.share if order.share else 0
        return Sent(self._due, self._sent - self._wire.waiting, answered)

    def _pace(
        self, order: Order, began: float, end: float, rows: Callable[[int, int], Rows]
    ) -> int:
        """Send what is due until all is, or the time is over; return how much was."""
        sent, all_due = 0, order.events
        while sent < all_due and self._wire.flush(end):
            now = SYSTEM_CLOCK.monotonic()
            due = min(all_due, int((now - began) * order.rate) + 1)
            if due > sent:
                made = rows(sent, min(due - sent, _AT_ONCE))
                sent += len(made)
                self._wire.send(made, end)
            elif order.share:
                time.sleep(max(0.0, began + sent / order.rate - now))  # noqa: TID251
            else:
                time.sleep(_IDLE)  # noqa: TID251 - processes keep real time
        return sent

    def _history(self) -> Sent:
        rows = self._market.history()
        self._wire.send(rows, float("inf"))
        self._due = self._sent = self._sent + len(rows)
        return Sent(self._due, self._sent)


def main(path: str) -> None:
    """Send as told on standard input, a line an order, to the one that connects."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen(1)
        answers.write(b"ready\n")
        taker, _ = listening.accept()
    with taker:
        after = int.from_bytes(taker.recv(8), "little")
        assert after == 0, f"asked to send again from {after}: the daemon lost what it had"
        course = _Course(_Wire(taker))
        for line in sys.stdin:
            done = course.follow(msgspec.json.decode(line, type=Order))
            answers.write(msgspec.json.encode(done) + b"\n")


if __name__ == "__main__":
    main(sys.argv[1])
