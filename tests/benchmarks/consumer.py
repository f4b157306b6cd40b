"""Who reads a stream of signals, as anyone may who has the Redis, and notes when it has each."""

from threading import Event, Thread
from typing import Any, Final, Self

from redis import Redis

from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.adapters.embedded import Server

_LOOK: Final = 100  # milliseconds that it waits at most before it looks whether it is to end


class Consumer:
    """A thread that waits for entries; a context manager."""

    def __init__(self, server: Server, stream: str) -> None:
        """Reads what comes after now."""
        self._client = Redis.from_url(server.url, password=server.password)
        self._stream = stream
        self._over = Event()
        self._thread = Thread(target=self._read, name="consumer", daemon=True)
        self.taken: list[float] = []  # seconds from when it happened until it was read, of each

    def __enter__(self) -> Self:
        """Begin."""
        newest: Any = self._client.xrevrange(self._stream, count=1)
        self._after = newest[0][0] if newest else b"0-0"
        self._thread.start()
        return self

    def __exit__(self, *_raised: object) -> None:
        """End."""
        self._over.set()
        self._thread.join()
        self._client.close()

    def _read(self) -> None:
        while not self._over.is_set():
            found: Any = self._client.xread({self._stream: self._after}, block=_LOOK)
            now = SYSTEM_CLOCK.now()
            for _, entries in found:
                self._after = entries[-1][0]
                self.taken += [(now - int(fields[b"ts_event"])) / 1e9 for _, fields in entries]
