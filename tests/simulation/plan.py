"""What goes wrong in a run: a script drawn from the seed, to be read by people."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Final, NamedTuple

HOSTS: Final = ("host/0", "host/1")
SERVICES: Final = ("ingest", "relay", "supervisor")
PROCESSES: Final = (*HOSTS, *SERVICES)
SERVERS: Final = ("log", "store", "outlet")
LASTS: Final = 2.5  # virtual seconds in which faults begin
_LEAST: Final = 4
_MOST: Final = 12
_WAITS: Final = 0.6  # of the faults, for their target to come to a call
_HOUR: Final = 3600.0


class Fault(NamedTuple):
    """Something that goes wrong."""

    at: float  # virtual seconds
    kind: str
    target: str
    amount: float  # seconds it lasts; of a clock, by how many it jumps
    where: str = ""  # "before commit": it waits until the target comes there

    def __str__(self) -> str:
        """Return it in words."""
        return f"{self.at:6.3f} s  {self.kind} {self.target} {self.where} {self.amount:+.2f} s"


_KINDS: Final[dict[str, tuple[Sequence[str], Callable[[Random], float]]]] = {
    "kill": (PROCESSES, lambda random: random.uniform(0.0, 0.3)),
    "stop": (PROCESSES, lambda random: random.uniform(0.1, 6.0)),
    # Stopped, or only cut off, while another takes its place; then it goes on.
    "replace": (PROCESSES, lambda random: random.uniform(0.0, 4.0)),
    "down": (SERVERS, lambda random: random.uniform(0.05, 1.5)),
    "slow": (SERVERS, lambda random: random.uniform(0.2, 1.5)),
    "drop replies of": (SERVERS, lambda random: random.uniform(0.1, 1.0)),
    "turn the clock of": (PROCESSES, lambda random: random.choice((-_HOUR, _HOUR))),
}
KINDS: Final = tuple(_KINDS)
_TEARS: Final = 0.06
_STRUCK: Final = ("kill", "kill", "stop", "replace")  # what may wait for its target
_WHENS: Final = ("before", "during", "after")
_CALLS: Final[dict[str, Sequence[str]]] = {
    "ingest": ("claim_producer", "append", "append", "save_producer", "bury", "tail", "register"),
    "relay": ("claim_route", "open", "outputs", "send", "send", "advance_route", "advance_route"),
    "supervisor": ("claim", "marks", "last", "start", "report"),
    "host": ("claim", *("commit",) * 6, "read", "last", "instruments"),
}


def plan(random: Random) -> tuple[Fault, ...]:
    """Return the script of a run, in order of time."""
    many = random.randint(_LEAST, _MOST)
    faults = [_struck(random) if random.random() < _WAITS else _fault(random) for _ in range(many)]
    return tuple(sorted(faults))


def _fault(random: Random) -> Fault:
    kind = random.choice(KINDS)
    targets, amount = _KINDS[kind]
    return Fault(_moment(random), kind, random.choice(targets), round(amount(random), 2))


def _struck(random: Random) -> Fault:
    """Return a fault that strikes a process at one of its calls, or the log while it writes."""
    if random.random() < _TEARS:
        return Fault(_moment(random), "down", "log", 0.3, "during append")
    kind, target = random.choice(_STRUCK), random.choice(PROCESSES)
    where = f"{random.choice(_WHENS)} {random.choice(_CALLS[target.split('/')[0]])}"
    amount = round(_KINDS[kind][1](random), 2)
    return Fault(_moment(random), kind, target, amount, where)


def _moment(random: Random) -> float:
    return round(random.uniform(0.0, LASTS), 3)
