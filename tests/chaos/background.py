"""An event loop in a thread of its own, for what the harness does with asyncio."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, Self, TypeVar

T = TypeVar("T")


class Background:
    """Runs coroutines one after the other, as asked from another thread; a context manager."""

    def __init__(self, name: str) -> None:
        """``name`` is the thread's."""
        self.loop = asyncio.new_event_loop()
        # Told of connections that fail after nobody waits for them any more, and of nothing else.
        self.loop.set_exception_handler(lambda _loop, _told: None)
        self._thread = threading.Thread(target=self.loop.run_forever, name=name, daemon=True)

    def __enter__(self) -> Self:
        """Start the loop."""
        self._thread.start()
        return self

    def __exit__(self, *_raised: object) -> None:
        """Stop the loop."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what ``work`` returns; raise what it raises."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()
