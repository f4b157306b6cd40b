"""Who is frozen, replaced meanwhile, and goes on: it has to end by itself, with status 70.

On one machine a supervisor kills a frozen host before it starts another; so the replacement is
another's here, as after a machine that was paused: it claims the units in the store and works.
"""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Mapping
from random import Random
from typing import Final

import msgspec
import psutil  # type: ignore[import-untyped]

from tests.chaos.harm import frozen, now
from tests.chaos.subject import Stuck, Subject, pause
from whispr_daemon.adapters.runtimes.runnable import FAILED
from whispr_daemon.adapters.stores.sqlite import SqliteStore
from whispr_daemon.bootstrap.desired import decode
from whispr_daemon.bootstrap.hosts import open_host
from whispr_daemon.bootstrap.servers import Servers, reach_of
from whispr_daemon.domain.errors import Fenced, Transient
from whispr_daemon.domain.unit import HostSpec
from whispr_daemon.settings import load

_READY: Final = "ready"
_STARTED_WITHIN: Final = 60.0  # seconds
_CLAIMED_WITHIN: Final = 30.0
_ENDED_WITHIN: Final = 40.0
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
            replacement.until_claimed(epochs)
            pause(_WORKS)
            alive = victim.is_running()
        since = now()
        _until_gone(victim)
        if alive and replacement.was_noticed():
            subject.zombies += 1
        elif alive:
            raise Stuck(f"host {host_id}, replaced, ended without a word of its successor")
        replacement.until_fenced()
        return subject.until_well(since)


class _Replacement:
    """A host started beside the daemon, ready to claim its units."""

    def __init__(self, subject: Subject, host_id: str) -> None:
        self._subject = subject
        self._log = subject.daemon.data / "logs" / f"host-{host_id}.log"
        settings = load(subject.daemon.config, {})
        servers = Servers(subject.places.server("postgres"), subject.places.server("redis"))
        self._context = msgspec.msgpack.encode(reach_of(settings, settings.data, servers))
        self._spec = subject.loop.do(_spec_of(subject, host_id))
        self._process: subprocess.Popen[str] | None = None
        self._noticed = 0

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
        self._noticed = self._fences()
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def until_claimed(self, before: Mapping[str, int]) -> None:
        """Return when all units have a newer epoch than before."""
        began = now()
        while not all(epoch > before.get(unit, 0) for unit, epoch in self.epochs().items()):
            if now() - began > _CLAIMED_WITHIN:
                raise Stuck(f"a host's units were not claimed in {_CLAIMED_WITHIN:g} s")
            pause(0.05)

    def was_noticed(self) -> bool:
        """Whether the daemon's own host has told since that it was replaced."""
        return self._fences() > self._noticed

    def until_fenced(self) -> None:
        """Return when it has been replaced in its turn, and ended."""
        assert self._process is not None
        try:
            status = self._process.wait(_ENDED_WITHIN)
        except subprocess.TimeoutExpired as error:
            raise Stuck(
                f"replaced in its turn, a host goes on for {_ENDED_WITHIN:g} s: it is not fenced"
            ) from error
        if status != FAILED:
            raise Stuck(f"replaced in its turn, a host ended with {status}, not {FAILED}")
        self._subject.zombies += 1

    def _fences(self) -> int:
        return self._log.read_text().count(Fenced.__name__) if self._log.exists() else 0


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


def _until_gone(process: psutil.Process) -> None:
    _, left = psutil.wait_procs([process], timeout=_ENDED_WITHIN)
    if left:
        raise Stuck(f"a host, replaced, goes on for {_ENDED_WITHIN:g} s: it is not fenced")


async def _host(context: bytes, spec: HostSpec) -> None:
    host = await open_host(context, spec)
    await host.run()


def main() -> int:
    """Be a host, once told to, until replaced: 70."""
    context, spec = (bytes.fromhex(word) for word in sys.stdin.readline().split())
    sys.stdout.write(f"{_READY}\n")
    sys.stdout.flush()
    sys.stdin.readline()
    try:
        asyncio.run(_host(context, msgspec.msgpack.decode(spec, type=HostSpec)))
    except Fenced:
        return FAILED
    return 1


if __name__ == "__main__":
    sys.exit(main())
