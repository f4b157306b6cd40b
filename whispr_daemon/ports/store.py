"""The truth: how far units have come, what they said, their snapshots, and what was delivered."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from whispr_daemon.domain.outputs import Output, Written
from whispr_daemon.domain.position import Position
from whispr_daemon.domain.value import Value


class Snapshot(Value, frozen=True, kw_only=True):
    """A unit's state at a position, with the place of its outputs at that point."""

    position: Position
    out_seq: int
    out_hash: str
    code_version: str
    codec: str  # how ``body`` is written
    body: bytes  # stored with a CRC-32; a snapshot that fails it is never returned


class UnitMark(Value, frozen=True, kw_only=True):
    """How far a unit is durable."""

    epoch: int
    start: Position  # outputs at or before it are not wanted: the unit was created here
    wm: Position  # all outputs up to here are durable
    out_seq: int  # of the newest output
    out_hash: str  # running hash of all outputs


class Claim(Value, frozen=True, kw_only=True):
    """A unit taken over: its mark under the new epoch, and the newest valid snapshot."""

    mark: UnitMark
    snapshot: Snapshot | None


class Commit(Value, frozen=True, kw_only=True):
    """Position, outputs and (sometimes) a snapshot: one transaction."""

    unit_id: str
    epoch: int
    old: Position
    new: Position
    out_seq: int  # of the newest output after this commit
    out_hash: str
    outputs: tuple[Written, ...] = ()
    snapshot: Snapshot | None = None


class StoredOutput(Value, frozen=True, kw_only=True):
    """A committed output."""

    unit_id: str
    out_seq: int  # 1, 2, 3 … per unit, without gaps
    created: int  # ns UTC, the store's clock
    output: Output


class Route(Value, frozen=True, kw_only=True):
    """A relay's place: what of each unit has been delivered, and the outlet's last receipt."""

    route: str
    epoch: int
    cursors: Mapping[str, int] = {}  # unit id to out_seq
    receipt: str = ""


class Producer(Value, frozen=True, kw_only=True):
    """An ingest taken over: its epoch, and how far each source is in every partition."""

    producer: str
    epoch: int
    marks: Mapping[str, int] = {}
    state: bytes = b""  # what ingest must remember of the rows up to the marks; opaque here


class DeadLetter(Value, frozen=True, kw_only=True):
    """A market event that was refused, with its position in the source and the reason."""

    source: str
    seq: int
    reason: str  # a short code: nan_price, out_of_order …
    detail: str  # what was found, in words


class Change(Value, frozen=True, kw_only=True):
    """A numbered state of what a strategy is made of: the rule files."""

    number: int  # 1, 2, 3 …
    body: bytes
    created: int = 0  # ns UTC, the store's clock


class Quarantine(Value, frozen=True, kw_only=True):
    """A unit that was stopped, where and why. It stays so until it is released."""

    unit_id: str
    position: Position
    reason: str
    since: int = 0  # ns UTC


class Store(Protocol):
    """Every method is one transaction. All may raise Transient: unknown outcome, or away."""

    async def claim(self, unit_id: str, partition: int, owner: str, start: Position) -> Claim:
        """Take a unit over: epoch + 1. ``start`` counts only for a unit seen the first time."""
        ...

    async def commit(self, commit: Commit) -> None:
        """Make a commit durable; keep the last three snapshots of the unit.

        Raises:
            StaleCommit: no unit with this epoch at the old position: find out with :meth:`mark`.
            Poison: an output's id is already taken by another output.
        """
        ...

    async def mark(self, unit_id: str) -> UnitMark:
        """Return the unit's mark, after any commit of it that is under way."""
        ...

    async def marks(self) -> Mapping[str, UnitMark]:
        """Return the marks of all units."""
        ...

    async def snapshots_of(self, unit_id: str) -> Sequence[Snapshot]:
        """Return the valid snapshots of a unit, oldest first."""
        ...

    async def quarantine(self, unit_id: str, epoch: int, position: Position, reason: str) -> None:
        """Record that the unit stopped. Raises Fenced if the epoch is not the unit's."""
        ...

    async def release(self, unit_id: str) -> bool:
        """End a unit's quarantine: its host may claim it again. False if it was in none."""
        ...

    async def quarantined(self) -> Sequence[Quarantine]:
        """Return the units in quarantine."""
        ...

    async def outputs(self, after: Mapping[str, int], limit: int) -> Sequence[StoredOutput]:
        """Return outputs with ``out_seq`` above the unit's cursor (0 where it has none).

        At most ``limit``, ordered by unit and ``out_seq``. Cursors are per unit because only there
        is the order of numbers the order of commits.
        """
        ...

    async def recent_outputs(self, limit: int) -> Sequence[StoredOutput]:
        """Return the newest outputs by event time, oldest of them first."""
        ...

    async def claim_route(self, route: str) -> Route:
        """Take a route over: epoch + 1."""
        ...

    async def advance_route(
        self, route: str, epoch: int, cursors: Mapping[str, int], receipt: str
    ) -> None:
        """Move the cursors of some units forward. Raises Fenced if the epoch is not the route's.

        They outlive this process, not always the machine or the server: then the receipt goes back
        with them, and the outlet is asked what has come after it.
        """
        ...

    async def claim_producer(self, producer: str) -> Producer:
        """Take a producer over: epoch + 1."""
        ...

    async def save_producer(self, producer: Producer) -> None:
        """Record how far sources are durable in every partition, and ingest's memory there.

        Raises:
            Fenced: the epoch is not the producer's.
        """
        ...

    async def register(self, symbols: Sequence[str]) -> Mapping[str, int]:
        """Return the instrument codes of the symbols, giving new ones the next free codes."""
        ...

    async def instruments(self) -> Sequence[str]:
        """Return all instruments; the place of each is its code."""
        ...

    async def bury(self, letters: Sequence[DeadLetter]) -> None:
        """Record refused events; one already there (source and seq) is passed over."""
        ...

    async def dead_letters(self, limit: int) -> Sequence[DeadLetter]:
        """Return the newest dead letters, oldest of them first."""
        ...

    async def drop_dead_letters(self, keep: int, most: int) -> int:
        """Forget dead letters that are not the newest ``keep``: the oldest, ``most`` at most.

        Return how many: ``most``, if there may be more to forget.
        """
        ...

    async def add_change(self, body: bytes) -> Change:
        """Record what the rules are to be from now on, under the next number.

        Where the newest change says the same already, that is returned: an attempt whose outcome
        was unknown may be repeated. None is ever dropped: the log names them for as long as it
        lasts, and so does a unit that folds it from its start.
        """
        ...

    async def change(self, number: int) -> Change | None:
        """Return a change by its number."""
        ...

    async def changes(self, limit: int) -> Sequence[Change]:
        """Return the newest changes, oldest of them first."""
        ...

    async def set_desired(self, body: bytes) -> None:
        """Record what should be running, for the supervisor to reconcile."""
        ...

    async def desired(self) -> bytes | None:
        """Return what should be running."""
        ...

    async def close(self) -> None:
        """Let go of files and connections."""
        ...
