"""What is done to a daemon, chosen by the seed: each fault hurts it and says when it is well."""

import contextlib
import signal
from collections.abc import Callable, Collection, Iterable, Sequence
from random import Random
from typing import Final, NamedTuple, TypeAlias

import psutil  # type: ignore[import-untyped]

from tests.chaos.network import Network
from tests.chaos.proxy import NETWORK_FAULTS
from tests.chaos.subject import STALL, Stuck, Subject, pause
from whispr_daemon.adapters.clock import SYSTEM_CLOCK

TARGETS: Final = (
    "daemon",
    "host",
    "supervisor",
    "valkey",
    "postgres",
    "relay",
    "network",
    "disk",
)
_SHORTEST, _LONGEST = 0.3, 4.0  # seconds a fault lasts that has a length
_FROZEN: Final = 1.5 * STALL  # seconds at most: longer than a host is waited for
_NOTICED_WITHIN: Final = 30.0
_COMPLAINT: Final = "trying again"
_REBORN_WITHIN: Final = 60.0  # seconds
_SERVERS: Final = {"valkey": ("valkey-server",), "postgres": ("bin/postgres", "postgres:")}
_SHELLS: Final = {"host": ("ray::HostShell",), "supervisor": ("ray::SupervisorShell",)}

Hurt: TypeAlias = Callable[[Subject, Random], float]  # returns the seconds until it was well again


class Fault(NamedTuple):
    """A kind of fault."""

    kind: str
    hurt: Hurt


def faults(tier: int, targets: Collection[str], network: Network | None) -> list[Fault]:
    """Return the kinds of fault there are for these targets, in a fixed order.

    On tier 0 host, supervisor and relay are one process, the daemon. With a ``network`` the servers
    are the harness's, reached over its proxies, and only it is hurt.
    """
    if tier == 0:
        return list(_of_one_process(targets))
    if network is not None:
        return [
            Fault(f"{server} {each}", network.fault(server, each))
            for server in ("postgres", "valkey")
            for each in NETWORK_FAULTS
        ]
    return list(_of_many_processes(targets))


def _of_one_process(targets: Collection[str]) -> Iterable[Fault]:
    if {"daemon", "host", "supervisor", "relay"} & set(targets):
        yield Fault("daemon killed", _kill_all)
        yield Fault("daemon killed as it starts", _kill_as_it_starts)
        yield Fault("daemon frozen", _freeze_daemon)
        yield Fault("daemon restarted", _restart)
    if "disk" in targets:
        yield Fault("disk full", _fill_disk)


def _of_many_processes(targets: Collection[str]) -> Iterable[Fault]:
    for target in ("host", "supervisor"):
        if target in targets:
            yield Fault(f"{target} killed", _killed(_SHELLS[target]))
            yield Fault(f"{target} frozen", _frozen(_SHELLS[target]))
    for target in ("valkey", "postgres"):
        if target in targets:
            yield Fault(f"{target} killed", _killed(_SERVERS[target]))
            yield Fault(f"{target} frozen", _frozen(_SERVERS[target], whole=True))
    if "relay" in targets:
        yield Fault("relay and ingest killed", _kill_daemon)
    if "daemon" in targets:
        yield Fault("all killed at once", _kill_all)
        yield Fault("daemon restarted", _restart)


def _kill_all(subject: Subject, _random: Random) -> float:
    """Every process at once, then a start."""
    for process in subject.daemon.processes():
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    subject.daemon.kill()
    subject.start()
    return subject.until_well()


def _kill_daemon(subject: Subject, _random: Random) -> float:
    """The daemon's own process: what it started ends by itself, or is ended by the next start."""
    subject.daemon.kill()
    subject.start()
    return subject.until_well()


def _kill_as_it_starts(subject: Subject, random: Random) -> float:
    subject.daemon.kill()
    for _ in range(random.randint(1, 3)):
        subject.start()
        pause(random.uniform(0.5, 3.0))
        subject.daemon.kill()
    return _kill_daemon(subject, random)


def _restart(subject: Subject, _random: Random) -> float:
    subject.stop()
    subject.start()
    return subject.until_well()


def _freeze_daemon(subject: Subject, random: Random) -> float:
    assert subject.daemon.process is not None
    _freeze([psutil.Process(subject.daemon.process.pid)], random, _LONGEST)
    return subject.until_well()


def _fill_disk(subject: Subject, random: Random) -> float:
    """Full until the daemon has met it, or has nothing to write, and a while longer."""
    before = subject.daemon.errors.count(_COMPLAINT)
    began = SYSTEM_CLOCK.monotonic()
    with subject.daemon.no_room():
        while subject.daemon.errors.count(_COMPLAINT) == before:
            if subject.has_said_all(subject.status()):
                break
            if SYSTEM_CLOCK.monotonic() - began > _NOTICED_WITHIN:
                raise Stuck(f"a disk full for {_NOTICED_WITHIN:g} s is not complained of")
            pause(0.05)
        pause(random.uniform(_SHORTEST, _LONGEST))
    return subject.until_well()


def _killed(words: Sequence[str]) -> Hurt:
    """Kill a process that has one of the words; another is to take its place."""

    def kill(subject: Subject, random: Random) -> float:
        victim = _victim(subject, words, random)
        before = len(_roots(subject, words))
        began = SYSTEM_CLOCK.monotonic()
        victim.kill()
        while sum(each.pid != victim.pid for each in _roots(subject, words)) < before:
            subject.status()  # says so if the daemon has ended
            if SYSTEM_CLOCK.monotonic() - began > _REBORN_WITHIN:
                raise Stuck(f"no new process {words[0]} in {_REBORN_WITHIN:g} s")
            pause(0.05)
        subject.until_well()
        return SYSTEM_CLOCK.monotonic() - began

    return kill


def _frozen(words: Sequence[str], *, whole: bool = False) -> Hurt:
    """Stop a process, with ``whole`` its children too; it may be replaced before it goes on."""

    def freeze(subject: Subject, random: Random) -> float:
        victim = _victim(subject, words, random)
        _freeze([victim, *(victim.children(recursive=True) if whole else ())], random, _FROZEN)
        return subject.until_well()

    return freeze


def _freeze(processes: Sequence[psutil.Process], random: Random, longest: float) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGSTOP)
    pause(random.uniform(_SHORTEST, longest))
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGCONT)


def _victim(subject: Subject, words: Sequence[str], random: Random) -> psutil.Process:
    """Return one of the processes that have one of the words."""
    began = SYSTEM_CLOCK.monotonic()
    while not (found := _roots(subject, words)):
        if SYSTEM_CLOCK.monotonic() - began > _REBORN_WITHIN:
            raise Stuck(f"there is no process {' or '.join(words)}")
        pause(0.05)
    return random.choice(found)


def _roots(subject: Subject, words: Sequence[str]) -> list[psutil.Process]:
    """Return the processes that have one of the words; of a tree of them its root."""
    found = subject.processes(*words)
    pids = {each.pid for each in found}
    with contextlib.suppress(psutil.NoSuchProcess):
        found = [each for each in found if each.ppid() not in pids]
    return sorted(found, key=lambda each: each.pid)
