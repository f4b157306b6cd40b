"""What can be done to processes and disks from outside; each ends what it began."""

import contextlib
import signal
from collections.abc import Iterator, Sequence
from random import Random
from typing import Final

import psutil  # type: ignore[import-untyped]

from tests.chaos.subject import Stuck, Subject, pause
from whispr_daemon.adapters.clock import SYSTEM_CLOCK

Words = tuple[str, ...]  # of which a process has one in its name or command line

HOST: Final[Words] = ("ray::HostShell",)
SUPERVISOR: Final[Words] = ("ray::SupervisorShell",)
VALKEY: Final[Words] = ("valkey-server",)
POSTGRES: Final[Words] = ("bin/postgres", "postgres:")

_REBORN_WITHIN: Final = 60.0  # seconds
_NOTICED_WITHIN: Final = 30.0
_GONE_WITHIN: Final = 10.0
_COMPLAINT: Final = "trying again"


def now() -> float:
    """Return the time in seconds of the clock that the harness measures with."""
    return SYSTEM_CLOCK.monotonic()


def kill(victims: Sequence[psutil.Process]) -> float:
    """End processes without asking; return when that was, once they are gone."""
    began = now()
    for each in victims:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
    psutil.wait_procs(victims, timeout=_GONE_WITHIN)
    return began


def kill_daemon(subject: Subject) -> float:
    """End the daemon's own process; what it started ends by itself, or by the next start."""
    began = now()
    subject.daemon.kill()
    return began


def kill_all(subject: Subject) -> float:
    """End every process of the daemon's, the daemon first."""
    others = subject.daemon.processes()
    began = kill_daemon(subject)
    kill(others)
    kill(subject.daemon.processes())  # who was born meanwhile
    return began


@contextlib.contextmanager
def frozen(processes: Sequence[psutil.Process]) -> Iterator[None]:
    """Stop processes for a while. They may have been killed before they go on."""
    try:
        _send(processes, signal.SIGSTOP)
        yield
    finally:
        _send(processes, signal.SIGCONT)


def victim(subject: Subject, words: Words, random: Random) -> psutil.Process:
    """Return one of the processes that have one of the words; of a tree of them its root."""
    began = now()
    while not (found := roots(subject, words)):
        subject.status()  # says so if the daemon has ended
        if now() - began > _REBORN_WITHIN:
            raise Stuck(f"there is no process {' or '.join(words)}")
        pause(0.05)
    return random.choice(found)


def tree(root: psutil.Process) -> list[psutil.Process]:
    """Return a process and all its descendants."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return [root, *root.children(recursive=True)]
    return [root]


def until_reborn(subject: Subject, words: Words, before: Sequence[psutil.Process]) -> None:
    """Return when there are as many processes again as before, and the dead are replaced.

    Raises:
        Stuck: there are not, or the daemon has ended.
    """
    began = now()
    while len(roots(subject, words)) < len(before):
        subject.status()  # says so if the daemon has ended
        if now() - began > _REBORN_WITHIN:
            raise Stuck(f"no new process {words[0]} in {_REBORN_WITHIN:g} s")
        pause(0.05)


def roots(subject: Subject, words: Words) -> list[psutil.Process]:
    """Return the processes that have one of the words; of a tree of them its root."""
    found = subject.processes(*words)
    pids = {each.pid for each in found}
    with contextlib.suppress(psutil.NoSuchProcess):
        found = [each for each in found if each.ppid() not in pids]
    return sorted(found, key=lambda each: each.pid)


@contextlib.contextmanager
def full_disk(subject: Subject) -> Iterator[None]:
    """Leave the daemon no room; begins once it has met that, or has no more to write.

    Raises:
        Stuck: it has not said a word of it, or it has ended.
    """
    before = subject.daemon.errors.count(_COMPLAINT)
    with subject.no_room():
        began = now()
        while subject.daemon.errors.count(_COMPLAINT) == before:
            subject.status()  # says so if the daemon has ended
            standing = subject.gauge.look()
            if standing is not None and subject.said_all(standing):
                break
            if now() - began > _NOTICED_WITHIN:
                raise Stuck(f"a disk full for {_NOTICED_WITHIN:g} s is not complained of")
            pause(0.05)
        yield


def _send(processes: Sequence[psutil.Process], what: signal.Signals) -> None:
    for each in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.send_signal(what)
