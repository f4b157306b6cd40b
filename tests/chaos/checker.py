"""The checker: what a daemon under faults said and delivered, against one that nobody disturbed."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Final, NamedTuple

from whispr_daemon.domain.outputs import Audit, encode
from whispr_daemon.ports.store import StoredOutput

_SHOWN: Final = 3  # of each kind of finding, by name


class Delivery(NamedTuple):
    """One arrival at the recording outlet."""

    unit_id: str
    out_seq: int
    id: str
    body: bytes  # the output as JSON


class Findings(NamedTuple):
    """What is wrong, in ids, units and counts; all empty where a promise was kept."""

    expected: int  # outputs
    delivered: int  # different ids
    lost: tuple[str, ...] = ()  # ids that were not stored, or not delivered
    foreign: tuple[str, ...] = ()  # ids that the undisturbed daemon never said
    repeated: Mapping[str, int] = {}  # ids that arrived more than once, and how often
    misordered: tuple[str, ...] = ()  # units whose outputs arrived in another order
    changed: tuple[str, ...] = ()  # ids whose body arrived as another
    unlike: tuple[str, ...] = ()  # units whose stored outputs have another hash

    @property
    def duplicates(self) -> int:
        """Arrivals beyond the first, of all ids."""
        return sum(self.repeated.values()) - len(self.repeated)

    def sentences(self) -> list[str]:
        """Return what is wrong in words, a promise a line; empty if all were kept."""
        wrongs = (
            ("lost", self.lost),
            ("said what was never to be said", self.foreign),
            ("delivered more than once", tuple(self.repeated)),
            ("delivered out of order, units", self.misordered),
            ("delivered with another body", self.changed),
            ("stored with another hash, units", self.unlike),
        )
        return [f"{what}: {_some(found)}" for what, found in wrongs if found]


def judge(
    expected: Sequence[StoredOutput],
    stored: Sequence[StoredOutput],
    delivered: Sequence[Delivery],
) -> Findings:
    """Compare set, order per unit, and hash. What is kept for the audit only is not delivered."""
    wanted = {each.output.id for each in expected}
    sendable = {
        each.output.id: encode(each.output)
        for each in expected
        if not isinstance(each.output, Audit)
    }
    kept = {each.output.id for each in stored}
    arrived = Counter(each.id for each in delivered)
    return Findings(
        expected=len(expected),
        delivered=len(arrived),
        lost=tuple(sorted((wanted - kept) | (sendable.keys() - arrived.keys()))),
        foreign=tuple(sorted((kept - wanted) | (arrived.keys() - sendable.keys()))),
        repeated={each: count for each, count in arrived.items() if count > 1},
        misordered=_misordered(delivered),
        changed=tuple(
            sorted({each.id for each in delivered if sendable.get(each.id, each.body) != each.body})
        ),
        unlike=_unlike(_hashes(expected), _hashes(stored)),
    )


def _misordered(delivered: Iterable[Delivery]) -> tuple[str, ...]:
    """Return the units of whose outputs a later one came first; repeats are another matter."""
    newest: dict[str, int] = defaultdict(int)
    seen: set[str] = set()
    found = set()
    for each in delivered:
        if each.id in seen:
            continue
        seen.add(each.id)
        if each.out_seq <= newest[each.unit_id]:
            found.add(each.unit_id)
        newest[each.unit_id] = max(newest[each.unit_id], each.out_seq)
    return tuple(sorted(found))


def _hashes(outputs: Iterable[StoredOutput]) -> dict[str, str]:
    """Return a hash of each unit's outputs in the order they were said, numbers included."""
    digests: dict[str, blake2b] = {}
    for each in sorted(outputs, key=lambda each: (each.unit_id, each.out_seq)):
        digest = digests.setdefault(each.unit_id, blake2b(digest_size=16))
        digest.update(b"%d " % each.out_seq + encode(each.output) + b"\n")
    return {unit_id: digest.hexdigest() for unit_id, digest in digests.items()}


def _unlike(expected: Mapping[str, str], found: Mapping[str, str]) -> tuple[str, ...]:
    units = sorted(expected.keys() | found.keys())
    return tuple(unit for unit in units if expected.get(unit) != found.get(unit))


def _some(found: Sequence[str]) -> str:
    shown = ", ".join(found[:_SHOWN])
    return f"{len(found)} ({shown}{', …' if len(found) > _SHOWN else ''})"
