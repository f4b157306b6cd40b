"""Tells the relays of another process at once that there are new outputs. Nothing depends on it.

A relay looks by itself four times a second; who rings only spares it the wait, and who says with it
what there is spares it the look. So a ring that is lost is no loss, rings that come faster than
they are told are one, and nobody waits for either.
"""

import asyncio
from collections.abc import Callable
from typing import Final, Self

import structlog

from whispr_daemon.adapters.redis_link import RedisLink
from whispr_daemon.domain.errors import Transient, WhisprError
from whispr_daemon.ports.clock import Clock

_PAUSE: Final = 1.0  # seconds before it is tried again
_LONG_PAUSE: Final = 60.0  # where the server's answer was no


class Bell:
    """A channel of Redis or Valkey. Made by :meth:`connect`."""

    def __init__(
        self, link: RedisLink, prefix: str, clock: Clock, news: Callable[[], bytes]
    ) -> None:
        """Use :meth:`connect`."""
        self._link, self._clock, self._news = link, clock, news
        self._lost = False  # some news was not told
        self._channel = f"{prefix}:outputs"
        self._rung = asyncio.Event()
        self._journal = structlog.get_logger("whispr.bell").bind(channel=self._channel)

    @classmethod
    async def connect(
        cls,
        url: str,
        password: str,
        prefix: str,
        clock: Clock,
        news: Callable[[], bytes] = bytes,
    ) -> Self:
        """Connect and check the server; errors as of :meth:`RedisLink.open`.

        ``news`` returns what is told with the next ring: nothing, that there are new outputs.
        """
        return cls(await RedisLink.open(url, password), prefix, clock, news)

    def ring(self) -> None:
        """Say that there are new outputs; :meth:`pass_on` does the rest."""
        self._rung.set()

    async def pass_on(self) -> None:
        """Tell whoever listens of every ring, until cancelled."""
        while True:
            await self._rung.wait()
            self._rung.clear()
            try:
                news = self._news()
                await self._link.call(("PUBLISH", self._channel, b"" if self._lost else news), int)
                self._lost = False
            except WhisprError as error:
                self._lost = True
                await self._unheard(error)

    async def listen(self, told: Callable[[bytes], None]) -> None:
        """Call ``told`` with the news of every ring, until cancelled.

        With nothing, whenever some may have been missed.
        """
        while True:
            try:
                await self._link.listen(self._channel, told)
            except WhisprError as error:
                await self._unheard(error)

    async def _unheard(self, error: WhisprError) -> None:
        self._journal.warning("new outputs are told of later, by looking", error=str(error))
        await self._clock.sleep(_PAUSE if isinstance(error, Transient) else _LONG_PAUSE)

    async def close(self) -> None:
        """Close the connections."""
        await self._link.close()
