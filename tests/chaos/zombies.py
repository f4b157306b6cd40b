"""Who is frozen, replaced meanwhile, and goes on: it has to end by itself, with status 70.

On one machine a supervisor kills a frozen host before it starts another; so the replacement is
another's here, as after a machine that was paused: it claims the units in the store and works.
"""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Final, NoReturn

import msgspec
import psutil  # type: ignore[import-untyped]

from tests.chaos.harm import frozen, now
from tests.chaos.subject import STALL, Stuck, Subject, pause
from whispr_daemon.adapters.runtimes.runnable import FAILED, end_process
from whispr_daemon.adapters.stores.sqlite import SqliteStore
from whispr_daemon.bootstrap.desired import decode
from whispr_daemon.bootstrap.hosts import open_host
from whispr_daemon.bootstrap.servers import Servers, reach_of
from whispr_daemon.domain.errors import Fenced, Transient
from whispr_daemon.domain.unit import HostSpec
from whispr_daemon.settings import load

_READY: Final = "ready"
_FROZEN: Final = STALL / 2  # seconds; longer, and the supervisor kills it
_CLAIMED_WITHIN: Final = 30.0
_ENDED_WITHIN: Final = 40.0
_KILLING: Final = "host makes no progress"
_WORKS: Final = 0.5  # seconds that the replacement works alone


def zombie_daemon(subject: Subject, random: Random) -> float:
    """Tier 0: the whole daemon; who replaces it claims its units, and does no more."""
    assert subject.daemon.process is not None
    with frozen([psutil.Process(subject.daemon.process.pid)]):
        pause(random.uniform(0.1, 1.0))
        replaced = _claimed_from_outside(subject)
    if not replaced:
        return subject.until_well(now())
    try:
        status = subject.daemon.process.wait(_ENDED_WITHIN)
    except subprocess.TimeoutExpired as error:
        raise Stuck(f"replaced, it goes on for {_ENDED_WITHIN:g} s: it is not fenced") from error
    since = now()
    if status != FAILED:
        raise Stuck(f"replaced, it ended with status {status}, not {FAILED}")
    subject.zombies += 1
    subject.start()
    return subject.until_well(since)


def _claimed_from_outside(subject: Subject) -> bool:
    """Take all units over; False if the frozen one holds the store's lock."""

    async def claim() -> None:
        store = await SqliteStore.open(subject.daemon.data / "store.db")
        try:
            for unit, mark in (await store.marks()).items():
                if "/" in unit:
                    await store.claim(unit, int(unit.rpartition("/")[2]), "chaos", mark.start)
        finally:
            await store.close()

    try:
        subject.loop.do(claim())
    except Transient:
        return False
    return True


def zombie_host(subject: Subject, random: Random) -> float:
    """Tier 1: a host; who replaces it is a host, too, which is replaced in its turn."""
    pids = _pids(subject)
    host_id = random.choice(sorted(pids))
    victim = psutil.Process(pids[host_id])
    with _Replacement(subject, host_id) as replacement:
        epochs = replacement.epochs()
        with frozen([victim]):
            replacement.begin()
            replacement.claims(epochs, _FROZEN)  # waits for a lock that the frozen one may hold
            pause(_WORKS)
        since = now()
        if not replacement.claims(epochs, _CLAIMED_WITHIN):
            raise Stuck(f"the units of host {host_id} were not claimed in {_CLAIMED_WITHIN:g} s")
        if not _ended(subject, lambda: not victim.is_running()):
            victim.kill()
        elif replacement.was_noticed():
            subject.zombies += 1
        elif not replacement.came_late():
            raise Stuck(f"host {host_id}, replaced, ended without a word of its successor")
        if _ended(subject, lambda: replacement.status() is not None):
            if replacement.status() != FAILED:
                raise Stuck(f"replaced in its turn, a host ended with {replacement.status()}")
            subject.zombies += 1
        return subject.until_well(since)


def _ended(subject: Subject, ended: Callable[[], bool]) -> bool:
    """Wait until a zombie has ended; False if all is said: who has no more to say may live on.

    Raises:
        Stuck: it works, and goes on.
    """
    began = now()
    while not ended():
        standing = subject.gauge.look()
        if standing is not None and subject.said_all(standing):
            return False
        if now() - began > _ENDED_WITHIN:
            raise Stuck(f"a host, replaced, goes on for {_ENDED_WITHIN:g} s: it is not fenced")
        pause(0.05)
    return True


class _Replacement:
    """A host started beside the daemon, ready to claim its units."""

    def __init__(self, subject: Subject, host_id: str) -> None:
        self._subject = subject
        logs = subject.daemon.data / "logs"
        self._fenced = _Count(logs / f"host-{host_id}.log", Fenced.__name__)
        self._killed = _Count(logs / "supervisor.log", _KILLING)
        settings = load(subject.daemon.config, {})
        servers = Servers(subject.places.server("postgres"), subject.places.server("redis"))
        self._context = msgspec.msgpack.encode(reach_of(settings, settings.data, servers))
        self._spec = subject.loop.do(_spec_of(subject, host_id))
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> "_Replacement":
        words = (self._context.hex(), msgspec.msgpack.encode(self._spec).hex())
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(self._subject.folder / "replacement.log").open("ab"),
            text=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{' '.join(words)}\n")
        self._process.stdin.flush()
        if self._process.stdout.readline().strip() != _READY:
            raise Stuck("the replacement of a host did not start")
        return self

    def __exit__(self, *_raised: object) -> None:
        assert self._process is not None
        with self._process:
            self._process.kill()

    def epochs(self) -> Mapping[str, int]:
        """Return the epochs of the host's units, as the store has them."""
        standing = self._subject.gauge.look()
        marks = {} if standing is None else standing.marks
        units = (each.unit_id for each in self._spec.units)
        return {unit: marks[unit].epoch for unit in units if unit in marks}

    def begin(self) -> None:
        """Let it claim."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def claims(self, before: Mapping[str, int], within: float) -> bool:
        """Wait until all units have a newer epoch than before; return whether they have."""
        began = now()
        while not all(self.epochs().get(unit, 0) > epoch for unit, epoch in before.items()):
            if now() - began > within:
                return False
            pause(0.05)
        return True

    def was_noticed(self) -> bool:
        """Whether the daemon's own host has told since that it was replaced."""
        return self._fenced.grown()

    def came_late(self) -> bool:
        """Whether the supervisor killed the frozen host before it could go on."""
        return self._killed.grown()

    def status(self) -> int | None:
        """Return its exit status, None while it runs."""
        assert self._process is not None
        return self._process.poll()


class _Count:
    """How often a word is in a log, against how often it was."""

    def __init__(self, log: Path, word: str) -> None:
        self._log, self._word = log, word
        self._before = self._now()

    def grown(self) -> bool:
        """Whether it has been said again."""
        return self._now() > self._before

    def _now(self) -> int:
        return self._log.read_text().count(self._word) if self._log.exists() else 0


async def _spec_of(subject: Subject, host_id: str) -> HostSpec:
    async with contextlib.AsyncExitStack() as stack:
        _, store = await subject.places.opened(stack)
        body = await store.desired()
    assert body is not None
    return next(host for host in decode(body).hosts if host.host_id == host_id)


def _pids(subject: Subject) -> Mapping[str, int]:
    hosts = subject.status().get("hosts", ())
    found = {host["host_id"]: host["report"]["pid"] for host in hosts if host["report"]}
    if not found:
        raise Stuck("no host answers")
    return found


async def _host(context: bytes, spec: HostSpec) -> NoReturn:
    host = await open_host(context, spec)
    sys.stdout.write(f"{_READY}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.readline)
    try:
        await host.run()
    except Fenced as error:
        sys.stderr.write(f"{error}\n")
        end_process()
    sys.exit(1)


def main() -> NoReturn:
    """Be a host, once told to, until replaced: exit status 70."""
    context, spec = (bytes.fromhex(word) for word in sys.stdin.readline().split())
    asyncio.run(_host(context, msgspec.msgpack.decode(spec, type=HostSpec)))
    sys.exit(1)


if __name__ == "__main__":
    main()
