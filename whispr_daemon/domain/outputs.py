"""What a strategy says: signals and alerts, sealed with an id computed from what is said."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Final, Literal, TypeAlias

import msgspec

from whispr_daemon.domain.value import Value

Severity: TypeAlias = Literal["debug", "info", "warn", "error", "critical"]
Direction: TypeAlias = Literal["", "up", "down", "long", "short", "flat"]


class Spoken(Value, frozen=True, kw_only=True):
    """What signals and alerts share.

    A strategy fills what it knows. The host seals the rest: ``ts_event`` (the event's, where left
    0), ``origin``, ``version``, ``ordinal`` and ``id``.
    """

    instrument: str = ""
    ts_event: int = 0  # ns UTC; of a bar: its end
    direction: Direction = ""
    price: float | None = None
    level: float | None = None  # the price level concerned, where there is one
    data: Mapping[str, Any] = {}  # plain data: what the strategy wishes to carry along
    origin: str = ""  # the rule or strategy
    version: str = ""  # of the origin
    ordinal: int = 0  # among outputs equal in all that the id is computed from
    id: str = ""


class Signal(Spoken, frozen=True, kw_only=True, tag="signal"):
    """A wish: something a strategy would act on."""

    name: str
    strength: float | None = None


class Alert(Spoken, frozen=True, kw_only=True, tag="alert"):
    """A message to people."""

    message: str
    severity: Severity = "info"

    @property
    def name(self) -> str:
        """The severity: what takes the place of a signal's name in ids and tables."""
        return self.severity


Output: TypeAlias = Signal | Alert

_ID_BYTES: Final = 16
_REMEMBERED: Final = 8  # distinct ts_event per speaker and name; see Sealer
_encoder: Final = msgspec.json.Encoder()
_decoder: Final[msgspec.json.Decoder[Output]] = msgspec.json.Decoder(Signal | Alert)


def kind_of(output: Output) -> str:
    """Return ``signal`` or ``alert``."""
    return "signal" if isinstance(output, Signal) else "alert"


def encode(output: Output) -> bytes:
    """Return the output as JSON, the same bytes for the same output."""
    return _encoder.encode(output)


def decode(body: bytes | str) -> Output:
    """Read :func:`encode` back."""
    return _decoder.decode(body)


def output_id(output: Output) -> str:
    """Return 32 hex digits computed from what is said (architecture.md, 2.3).

    A repeated event repeats the id; tiers, partition counts and batch cuts do not change it.
    """
    said = (
        output.origin,
        output.version,
        output.instrument,
        output.ts_event,
        kind_of(output),
        output.name,
        output.ordinal,
    )
    return blake2b(_encoder.encode(said), digest_size=_ID_BYTES).hexdigest()


class Sealer:
    """Gives outputs their origin, ordinal and id. Part of a unit's state: it is snapshotted.

    Ordinals count equals. Events of several kinds may interleave at neighbouring times, so the
    counts of the last few distinct ``ts_event`` are remembered, not only of the newest.
    """

    def __init__(self, origin: str, version: str) -> None:
        """``origin`` and ``version`` are for outputs that do not bring their own (rules do)."""
        self._origin = origin
        self._version = version
        self._counts: dict[str, dict[int, int]] = {}

    def seal(self, output: Output, ts_event: int) -> Output:
        """Return ``output`` complete; ``ts_event`` is that of the event it answers."""
        bare = msgspec.structs.replace(
            output,
            ts_event=output.ts_event or ts_event,
            origin=output.origin or self._origin,
            version=output.version or self._version,
        )
        numbered = msgspec.structs.replace(bare, ordinal=self._next_ordinal(bare))
        return msgspec.structs.replace(numbered, id=output_id(numbered))

    def _next_ordinal(self, output: Output) -> int:
        parts = (output.origin, output.version, output.instrument, kind_of(output), output.name)
        counts = self._counts.setdefault("\x1f".join(parts), {})
        ordinal = counts.get(output.ts_event, 0)
        counts[output.ts_event] = ordinal + 1
        if len(counts) > _REMEMBERED:
            del counts[min(counts)]
        return ordinal

    def snapshot(self) -> dict[str, dict[int, int]]:
        """Return the counts as plain data."""
        return {key: dict(counts) for key, counts in self._counts.items()}

    def restore(self, counts: dict[str, dict[int, int]]) -> None:
        """Take :meth:`snapshot` back."""
        self._counts = {key: dict(found) for key, found in counts.items()}


def chain(previous: str, output: Output) -> str:
    """Return the running hash of a unit's outputs, 32 hex digits, after one more of them."""
    digest = blake2b(previous.encode(), digest_size=_ID_BYTES)
    digest.update(encode(output))
    return digest.hexdigest()
