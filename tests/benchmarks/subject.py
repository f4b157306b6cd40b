"""A daemon that a benchmark feeds and looks at: how far it is, what its processes take."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.benchmarks.echo import installed_in
from tests.benchmarks.sender import Order, Sender, Sent
from tests.benchmarks.wire import fed_by
from tests.chaos.background import Background
from tests.chaos.places import Places
from tests.chaos.subject import short_folder
from tests.integration.daemons import Daemon, until
from tests.soak.watcher import Watcher
from whispr_daemon.domain.position import ORIGIN, Position
from whispr_daemon.ports.event_log import EventLog
from whispr_daemon.ports.store import Store

_UP_WITHIN: Final = 180.0  # seconds
_SOURCE: Final = "wire"
_KEEP: Final = 1_000_000_000  # bytes of the log


class Setup(NamedTuple):
    """What daemon there is to be."""

    tier: int
    settings: Mapping[str, Any]  # beside tier and outlets
    stamps: Path | None = None  # what the outlet notes on tier 0; None: JSON lines
    trace: Path | None = None  # where stamps along the path go


class Subject:
    """A daemon that is up, and what sends events to it."""

    def __init__(self, setup: Setup, daemon: Daemon, sender: Sender, stack: ExitStack) -> None:
        """``stack`` lets go of what looks at it."""
        self.tier = setup.tier
        self.daemon = daemon
        self._sender = sender
        self.watcher = stack.enter_context(Watcher(daemon, setup.tier))
        self._loop = stack.enter_context(Background("benchmark"))
        self.places = Places(setup.tier, daemon, None)
        opened = AsyncExitStack()
        self._log, self._store = self._loop.do(self.places.opened(opened))
        stack.callback(lambda: self._loop.do(opened.aclose()))

    def send(self, order: Order) -> Sent:
        """Return when that was sent, or its time is over."""
        return self._sender.send(order)

    def durable(self) -> int:
        """Return up to which event every unit has made durable what it says of it."""
        return self._loop.do(_durable(self._log, self._store))

    def caught_up(self, sent: int) -> float:
        """Return when what was sent is durable; the seconds that took."""
        return until(lambda: self.durable() >= sent, within=_UP_WITHIN)


@contextmanager
def running(setup: Setup, folder: Path) -> Iterator[Subject]:
    """Yield a daemon that is up, on a folder that is made; afterwards nothing of it is left."""
    folder.mkdir()
    with ExitStack() as stack:
        near = short_folder()  # a socket's path is short
        stack.callback(near.rmdir)
        path = near / "wire"
        sender = stack.enter_context(Sender(path))
        stack.callback(path.unlink)
        daemon = Daemon(folder, _settings(setup))
        daemon.command = fed_by(path, setup.stamps, setup.trace)
        daemon.environment = installed_in(folder / "installed")
        stack.callback(daemon.discard)
        daemon.start()
        until(lambda: daemon.running() is not None, within=_UP_WITHIN)
        with ExitStack() as looking:
            subject = Subject(setup, daemon, sender, looking)
            # A sender waits until it is asked; the source asks when all units are live.
            history = subject.send(Order())
            subject.caught_up(history.sent)
            yield subject
        status = daemon.end(_UP_WITHIN)
        assert status == 0, f"told to stop, it ended with status {status}: {daemon.errors[-2000:]}"


def _settings(setup: Setup) -> Mapping[str, Any]:
    outlets: Sequence[Mapping[str, str]]
    outlets = [{"kind": "redis"} if setup.tier else {"kind": "jsonl", "path": "signals.jsonl"}]
    return {
        "tier": setup.tier,
        "health": {"port": 0},
        "keep_bytes": _KEEP,
        "log": {"level": "warning"},
        "outlets": outlets,
        **setup.settings,
    }


async def _durable(log: EventLog, store: Store) -> int:
    tails = [await log.tail(partition) for partition in range(log.partitions)]
    newest = max((tail.marks.get(_SOURCE, 0) for tail in tails if tail), default=0)
    reached: dict[int, Position] = {}
    for unit_id, mark in (await store.marks()).items():
        strategy, _, partition = unit_id.rpartition("/")
        if strategy:
            place = int(partition)
            reached[place] = min(reached.get(place, mark.wm), mark.wm)
    if len(reached) < log.partitions:
        return 0
    # Who is at the end of its partition has all there is for it, however old that is.
    found = newest
    for place, tail in enumerate(tails):
        if tail is not None and reached[place] < tail.position:
            found = min(found, await _taken(log, place, reached[place]))
    return found


async def _taken(log: EventLog, partition: int, at: Position) -> int:
    """Return how far the source is with the entry at a position."""
    if at == ORIGIN:
        return 0
    before = Position.unpack(at.pack() - 1)
    found = await log.read(partition, before, 1, 0.0)
    return found[0].marks.get(_SOURCE, 0) if found else 0
