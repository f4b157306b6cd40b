"""The kinds of fault: each hurts a daemon and returns the seconds until it was well again."""

from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager
from random import Random
from typing import Final, Literal, NamedTuple, TypeAlias

import psutil  # type: ignore[import-untyped]

from tests.chaos import harm
from tests.chaos.harm import HOST, POSTGRES, SUPERVISOR, VALKEY, Words, now
from tests.chaos.proxy import NETWORK_FAULTS, NetworkFault
from tests.chaos.subject import STALL, Stuck, Subject, pause
from tests.chaos.zombies import zombie_daemon, zombie_host

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
_SECOND: Final = (0.1, 1.0)  # seconds after the first of two faults

Hurt: TypeAlias = Callable[[Subject, Random], float]  # returns the seconds until it was well again
Lasting: TypeAlias = Callable[[Subject, Random], AbstractContextManager[None]]
Strike: TypeAlias = Callable[[Subject, Random], float]  # returns when it struck
Place: TypeAlias = Literal["any", "own", "proxied"]


class Fault(NamedTuple):
    """A kind of fault.

    ``place``: whose servers it needs, the daemon's own, or the harness's. ``small_disk``: it needs
    one.
    """

    kind: str
    hurt: Hurt
    place: Place = "any"
    small_disk: bool = False


def faults(tier: int, targets: Collection[str]) -> list[Fault]:
    """Return the kinds of fault there are for these targets, in a fixed order.

    Two at once need both their targets. On tier 0 host, supervisor and relay are one process, the
    daemon, and there are no servers.
    """
    if tier == 0:
        return [*_of_one_process(targets)]
    return [*_of_many_processes(targets), *_of_servers(targets), *_of_the_network(targets)]


def _of_one_process(targets: Collection[str]) -> Iterable[Fault]:
    daemon = bool({"daemon", "host", "supervisor", "relay"} & set(targets))
    if daemon:
        yield Fault("daemon killed", _then_started(_whole))
        yield Fault("daemon killed as it starts", _kill_as_it_starts)
        yield Fault("daemon frozen", _lasting(_frozen_daemon, _LONGEST))
        yield Fault("daemon replaced while frozen", zombie_daemon)
        yield Fault("daemon restarted", _restart)
    if "disk" in targets:
        yield Fault("disk full", _lasting(_full_disk, _LONGEST))
    if "disk" in targets and daemon:
        yield Fault("daemon killed while the disk is full", _kill_on_full_disk)


def _of_many_processes(targets: Collection[str]) -> Iterable[Fault]:
    if "host" in targets:
        yield Fault("host killed", _then_reborn(HOST))
        yield Fault("host frozen", _lasting(_frozen(HOST), _FROZEN))
        yield Fault("host replaced while frozen", zombie_host)
    if "supervisor" in targets:
        yield Fault("supervisor killed", _then_reborn(SUPERVISOR))
        yield Fault("supervisor frozen", _lasting(_frozen(SUPERVISOR), _FROZEN))
    if {"host", "supervisor"} <= set(targets):
        yield Fault("host and supervisor killed", _then_reborn(HOST, SUPERVISOR))
    if "relay" in targets:
        yield Fault("relay and ingest killed", _then_started(_daemon_only))
    if "daemon" in targets:
        yield Fault("all killed at once", _then_started(_whole))
        yield Fault("daemon restarted", _restart)


def _of_servers(targets: Collection[str]) -> Iterable[Fault]:
    for name, words in (("valkey", VALKEY), ("postgres", POSTGRES)):
        if name in targets:
            yield Fault(f"{name} killed", _then_reborn(words), "own")
            yield Fault(f"{name} frozen", _lasting(_frozen(words), _FROZEN), "own")
        if name in targets and "host" in targets:
            kind = f"host killed while {name} is frozen"
            yield Fault(kind, _during(_frozen(words), _killed(HOST)), "own")
    if {"valkey", "postgres"} <= set(targets):
        yield Fault("valkey and postgres killed", _then_reborn(VALKEY, POSTGRES), "own")
    if "disk" in targets:
        yield Fault("disk full", _lasting(_full_disk, _LONGEST), "own", small_disk=True)
    if {"disk", "host"} <= set(targets):
        hurt = _during(_full_disk, _killed(HOST))
        yield Fault("host killed while the disk is full", hurt, "own", small_disk=True)
    if {"relay", "postgres"} <= set(targets):
        kind = "relay and ingest killed while postgres is frozen"
        yield Fault(kind, _during(_frozen(POSTGRES), _daemon_only_started), "own")


def _of_the_network(targets: Collection[str]) -> Iterable[Fault]:
    if "network" not in targets:
        return
    for server in ("postgres", "valkey"):
        for each in NETWORK_FAULTS:
            yield Fault(f"{server} {each}", _lasting(_cut(server, each), _LONGEST), "proxied")
    if "host" in targets:
        kind = "host killed while postgres drops replies"
        cut = _cut("postgres", "reply dropped")
        yield Fault(kind, _during(cut, _killed(HOST)), "proxied")
    if "relay" in targets:
        kind = "relay and ingest killed while valkey drops replies"
        cut = _cut("valkey", "reply dropped")
        yield Fault(kind, _during(cut, _daemon_only_started), "proxied")


def _then_started(strike: Strike) -> Hurt:
    """A blow that ends the daemon, which is started again at once."""

    def hurt(subject: Subject, random: Random) -> float:
        since = strike(subject, random)
        subject.start()
        return subject.until_well(since)

    return hurt


def _then_reborn(*kinds: Words) -> Hurt:
    """A process of each kind is killed; others are to take their places."""

    def hurt(subject: Subject, random: Random) -> float:
        before = {words: harm.roots(subject, words) for words in kinds}
        since = harm.kill([harm.victim(subject, words, random) for words in kinds])
        for words in kinds:
            harm.until_reborn(subject, words, before[words])
        return subject.until_well(since)

    return hurt


def _lasting(fault: Lasting, longest: float) -> Hurt:
    """A fault that ends by itself; time counts from its end."""

    def hurt(subject: Subject, random: Random) -> float:
        with fault(subject, random):
            pause(random.uniform(_SHORTEST, longest))
        return subject.until_well(now())

    return hurt


def _during(fault: Lasting, strike: Strike) -> Hurt:
    """A blow in the midst of a fault that lasts; time counts from the end of the latter."""

    def hurt(subject: Subject, random: Random) -> float:
        with fault(subject, random):
            pause(random.uniform(*_SECOND))
            strike(subject, random)
            pause(random.uniform(*_SECOND))
        return subject.until_well(now())

    return hurt


def _whole(subject: Subject, _random: Random) -> float:
    return harm.kill_all(subject)


def _daemon_only(subject: Subject, _random: Random) -> float:
    return harm.kill_daemon(subject)


def _daemon_only_started(subject: Subject, _random: Random) -> float:
    since = harm.kill_daemon(subject)
    subject.start()
    return since


def _killed(words: Words) -> Strike:
    return lambda subject, random: harm.kill([harm.victim(subject, words, random)])


def _frozen(words: Words) -> Lasting:
    """One process that has one of the words, and its descendants."""
    return lambda subject, random: harm.frozen(harm.tree(harm.victim(subject, words, random)))


def _frozen_daemon(subject: Subject, _random: Random) -> AbstractContextManager[None]:
    assert subject.daemon.process is not None
    return harm.frozen([psutil.Process(subject.daemon.process.pid)])


def _full_disk(subject: Subject, _random: Random) -> AbstractContextManager[None]:
    return harm.full_disk(subject)


def _cut(server: str, fault: NetworkFault) -> Lasting:
    def begin(subject: Subject, _random: Random) -> AbstractContextManager[None]:
        assert subject.network is not None
        return subject.network.hurt(server, fault)

    return begin


def _kill_as_it_starts(subject: Subject, random: Random) -> float:
    harm.kill_daemon(subject)
    for _ in range(random.randint(1, 3)):
        subject.start()
        pause(random.uniform(0.5, 3.0))
        since = harm.kill_daemon(subject)
    subject.start()
    return subject.until_well(since)


def _restart(subject: Subject, _random: Random) -> float:
    subject.stop()
    since = now()
    subject.start()
    return subject.until_well(since)


def _kill_on_full_disk(subject: Subject, random: Random) -> float:
    """The one that is started on the full disk may refuse; then it is started again."""
    with harm.full_disk(subject):
        harm.kill_daemon(subject)
        subject.start()
        with subject.no_room():
            pause(random.uniform(_SHORTEST, _LONGEST))
    since = now()
    if (status := subject.daemon.poll()) is not None:
        if status == 0:
            raise Stuck("started on a full disk it ended with status 0")
        subject.start()
    return subject.until_well(since)
