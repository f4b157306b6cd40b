"""What can be killed, stopped and cut off: a process, its clock, and its links to servers."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any, Final

from whispr_daemon.domain.errors import Transient, WhisprError

EPOCH: Final = 1_704_205_800_000_000_000  # ns UTC, the wall time at which every run begins
_NANOS: Final = 1e9
_LOST: Final = 0.01  # of all requests, and of all replies
_DROPPED: Final = 0.4  # of the replies, where they are dropped
_LATE: Final = 0.3  # of requests whose sender is gone: they arrive nevertheless
_LATE_BY: Final = 0.5  # seconds, at most
_BUSY: Final = 0.3  # of the ways, that take some time …
_TURN: Final = 0.6  # … or at least a turn of the loop
_WAY: Final = 0.004  # seconds, at most
_SLOW_WAY: Final = 0.8  # likewise, of a slow server


class Process:
    """One run of a part of the daemon."""

    def __init__(self, name: str) -> None:
        """It goes on until it is killed; stopped, it stands before its next step."""
        self.name = name
        self.skew = 0  # ns that its wall clock is wrong
        self.cut_off = False  # it runs, but can be neither asked nor killed
        self.task: asyncio.Task[None] | None = None
        self._going = asyncio.Event()
        self._going.set()

    @property
    def alive(self) -> bool:
        """Whether it runs or is stopped."""
        return self.task is not None and not self.task.done()

    @property
    def stopped(self) -> bool:
        """Whether it stands still."""
        return not self._going.is_set()

    def kill(self) -> None:
        """SIGKILL."""
        if self.task is not None:
            self.task.cancel()

    def stop(self) -> None:
        """SIGSTOP."""
        self._going.clear()

    def go_on(self) -> None:
        """SIGCONT."""
        self._going.set()

    async def going(self) -> None:
        """Return once it is not stopped."""
        if not self._going.is_set():
            await self._going.wait()

    def now(self) -> int:
        """Return the wall time as it believes it to be, ns UTC."""
        return EPOCH + self.skew + round(self.monotonic() * _NANOS)

    def monotonic(self) -> float:
        """Return seconds."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """Return after ``seconds``, if it is not stopped then."""
        await asyncio.sleep(max(0.0, seconds))  # noqa: TID251 - this is the clock
        await self.going()

    def alarm(self, seconds: float, ring: Callable[[], None]) -> Callable[[], None]:
        """Call ``ring`` after ``seconds``, stopped or not: whoever it wakes waits to go on."""
        return asyncio.get_running_loop().call_later(max(0.0, seconds), ring).cancel


class Weather:
    """How the servers are: up, slow, losing what they answer. And what came of it."""

    def __init__(self, random: Random, *, fair: bool) -> None:
        """``fair``: nothing is lost by chance."""
        self.random = random
        self.fair = fair
        self.over = False  # nothing more arrives
        self.seen: Counter[str] = Counter()
        self._down: Counter[str] = Counter()  # how many faults hold a server down
        self._slow: Counter[str] = Counter()
        self._dropping: Counter[str] = Counter()
        self.deaths: Counter[str] = Counter()
        # What waits for a process to come to a place: by its name, by "before commit".
        self.ambushes: dict[str, dict[str, Callable[[Process], None]]] = {}
        self._late: set[asyncio.Task[None]] = set()

    def turn(self, kind: str, server: str, by: int) -> None:
        """Begin (+1) or end (-1) something of a server."""
        holds = {"down": self._down, "slow": self._slow, "drop replies of": self._dropping}
        holds[kind][server] += by
        if kind == "down" and by > 0:
            self.deaths[server] += 1

    def check(self, server: str, deaths: int) -> None:
        """Raise Transient if a server is down, or has died since it had died so often."""
        if self._down[server] or self.deaths[server] != deaths:
            self.seen["found a server away"] += 1
            raise Transient(f"the {server} is away")

    async def way(self, server: str) -> None:
        """Let a request or a reply take its time."""
        random = self.random
        longest = _SLOW_WAY if self._slow[server] else _WAY
        chance = random.random()
        if chance < _TURN:
            takes = random.random() * longest if chance < _BUSY else 0.0
            await asyncio.sleep(takes)  # noqa: TID251 - the network has no clock

    def loses(self, server: str) -> bool:
        """Whether the next reply is dropped."""
        chance = _DROPPED if self._dropping[server] else _LOST
        return not self.fair and self.random.random() < chance

    def lose_request(self, name: str) -> None:
        """Raise Transient if a request gets lost."""
        if not self.fair and self.random.random() < _LOST:
            self.seen["lost a request"] += 1
            raise Transient(f"{name}: it did not happen, or not yet")

    def ambush(self, process: Process, where: str) -> bool:
        """Strike a process if that is what somebody waits for; return whether it was struck."""
        waiting = self.ambushes.get(process.name)
        strike = waiting.pop(where, None) if waiting else None
        if strike is not None:
            strike(process)
        return strike is not None

    async def pass_by(self, process: Process, where: str) -> None:
        """Let a process go on from a place, unless it was struck there."""
        if self.ambush(process, where):
            await asyncio.sleep(0)  # noqa: TID251 - here it ends, if it was killed
        await process.going()

    def arrives_late(self, call: Callable[[], Awaitable[object]]) -> None:
        """Let a request of which nobody waits for the reply arrive some time, perhaps."""
        if not self.over and self.random.random() < _LATE:
            task = asyncio.ensure_future(self._arrive(call))
            self._late.add(task)
            task.add_done_callback(self._late.discard)

    async def _arrive(self, call: Callable[[], Awaitable[object]]) -> None:
        await asyncio.sleep(self.random.random() * _LATE_BY)  # noqa: TID251 - as above
        self.seen["a request came after its sender had gone"] += 1
        try:
            await call()
        except WhisprError:
            self.seen["it was refused"] += 1


class Link:
    """A port of a server, as one process has it: any call may fail before or after it happened."""

    def __init__(self, port: object, server: str, process: Process, weather: Weather) -> None:
        """``server`` is ``log``, ``store`` or ``outlet``."""
        self._port, self._server = port, server
        self._process, self._weather = process, weather

    def __getattr__(self, name: str) -> Any:
        """Return the port's method over the network."""
        found = getattr(self._port, name)
        if not callable(found):
            return found
        process, weather, server = self._process, self._weather, self._server
        before, during, after = (f"{when} {name}" for when in ("before", "during", "after"))

        async def call(*args: Any, **kwargs: Any) -> Any:
            await process.going()
            deaths = weather.deaths[server]
            weather.check(server, deaths)
            try:
                await weather.pass_by(process, before)
                await weather.way(server)
                weather.lose_request(name)
            except (asyncio.CancelledError, Transient):
                if server != "outlet":  # what arrives there late is refused: its session is over
                    weather.arrives_late(lambda: found(*args, **kwargs))
                raise
            weather.check(server, deaths)
            if process.name in weather.ambushes:
                asyncio.get_running_loop().call_soon(weather.ambush, process, during)
            answer = await found(*args, **kwargs)
            await weather.way(server)
            await weather.pass_by(process, after)
            weather.check(server, deaths)
            if weather.loses(server):
                weather.seen["lost a reply"] += 1
                raise Transient(f"{name}: it happened, nobody was told")
            return answer

        self.__dict__[name] = call
        return call
