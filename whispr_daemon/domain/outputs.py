"""What a strategy says: signals, alerts, and for the audit; sealed with an id computed from it."""

import copy
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import msgspec
import numpy as np
from msgspec.structs import force_setattr

from whispr_daemon.domain.value import Value

Severity: TypeAlias = Literal["debug", "info", "warn", "error", "critical"]
Direction: TypeAlias = Literal["", "up", "down", "long", "short", "flat"]


class Spoken(Value, frozen=True, kw_only=True, gc=False):
    """What all outputs share.

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
    """A wish: something a strategy would act on.

    ``intent`` says what it wishes of the risk gate, where it is an order, a target, flatten, cancel
    or halt: plain data such as ``{"side": "buy", "type": "market", "qty": 100}``.
    """

    name: str
    strength: float | None = None
    intent: Mapping[str, Any] | None = None


class Alert(Spoken, frozen=True, kw_only=True, tag="alert"):
    """A message to people."""

    message: str
    severity: Severity = "info"

    @property
    def name(self) -> str:
        """The severity: what takes the place of a signal's name in ids and tables."""
        return self.severity


class Audit(Spoken, frozen=True, kw_only=True, tag="audit"):
    """What is kept for whoever asks why; it is committed like the others and delivered to nobody.

    ``name`` says what it is: ``suppressed``, ``shadow``, ``log``, ``error``, ``data_gap`` …
    """

    name: str
    message: str = ""


Output: TypeAlias = Signal | Alert | Audit


class Written(msgspec.Struct, frozen=True, gc=False):
    """A sealed output as it is kept: its JSON, made once, and what it is found by."""

    id: str
    kind: str
    ts_event: int  # ns UTC
    instrument: str
    origin: str
    name: str
    body: bytes

    @property
    def output(self) -> Output:
        """The same as an object, made anew with each look."""
        return decode(self.body)


class Draft(msgspec.Struct, frozen=True, gc=False):
    """An output that is written down but for its ordinal and id, by who says much.

    Both parts together are what :func:`encode` would make of it.
    """

    kind: str
    instrument: str
    ts_event: int  # ns UTC
    origin: str
    version: str
    name: str
    head: bytes  # its JSON up to the ordinal
    tail: bytes  # and from what follows the id on


_ID_BYTES: Final = 16
_REMEMBERED: Final = 8  # distinct ts_event per speaker and name; see Sealer
_SPEAKERS_KEPT: Final = 65_536  # at most; they are made anew of what counts


def _plain_number(found: object) -> object:
    """Let msgspec write numpy's scalars, which strategies that compute with numpy hand over."""
    if isinstance(found, np.generic):
        return found.item()
    raise TypeError(f"{type(found).__name__} is not plain data")


_encoder: Final = msgspec.json.Encoder(enc_hook=_plain_number)
_decoder: Final[msgspec.json.Decoder[Output]] = msgspec.json.Decoder(Output)


def kind_of(output: Output | Written) -> str:
    """Return ``signal``, ``alert`` or ``audit``."""
    match output:
        case Written():
            return output.kind
        case Signal():
            return "signal"
        case Alert():
            return "alert"
        case Audit():
            return "audit"


def encode(output: Output | Written) -> bytes:
    """Return the output as JSON, the same bytes for the same output."""
    return output.body if isinstance(output, Written) else _encoder.encode(output)


def written(output: Output) -> Written:
    """Return a sealed output as it is kept."""
    return Written(
        output.id,
        kind_of(output),
        output.ts_event,
        output.instrument,
        output.origin,
        output.name,
        _encoder.encode(output),
    )


def decode(body: bytes | str) -> Output:
    """Read :func:`encode` back."""
    return _decoder.decode(body)


def output_id(output: Output, partition: int = 0) -> str:
    """Return 32 hex digits computed from what is said (the design's third invariant).

    A repeated event repeats the id; tiers, partition counts and batch cuts do not change it. Only
    where no instrument is named does the partition take its place.
    """
    said: tuple[str | int, ...] = (
        output.origin,
        output.version,
        output.instrument or partition,
        output.ts_event,
        kind_of(output),
        output.name,
        output.ordinal,
    )
    return _digest(_encoder.encode(said))


def _digest(said: bytes) -> str:
    return blake2b(said, digest_size=_ID_BYTES).hexdigest()


class Ordinals(msgspec.Struct):
    """How often one thing was said, by time; of the last few times only."""

    recent: dict[int, int] = {}  # ts_event to count
    forgotten: int = -1  # ns, the newest time no longer in ``recent``
    total: int = 0

    def next(self, ts_event: int) -> int:
        """Return an ordinal never given before for this time.

        At a time that was forgotten it is not 0, 1, 2 … but the total, which only grows.
        """
        self.total += 1
        if ts_event <= self.forgotten:
            return self.total
        ordinal = self.recent.get(ts_event, 0)
        self.recent[ts_event] = ordinal + 1
        if len(self.recent) > _REMEMBERED:
            self.forgotten = min(self.recent)
            del self.recent[self.forgotten]
        return ordinal


_Parts: TypeAlias = tuple[str, str, str, str, str]  # origin, version, instrument, kind, name


class _Speaker(NamedTuple):
    """What is the same in all outputs of one origin, instrument, kind and name."""

    ordinals: Ordinals
    head: bytes  # what an id is computed from, up to its time …
    tail: bytes  # … and from there to its ordinal


class Sealer:
    """Gives outputs their origin, ordinal and id. Part of a unit's state: it is snapshotted.

    Ordinals count equals. Events of several kinds interleave at neighbouring times, so the counts
    of the last few times are kept, not only of the newest.
    """

    def __init__(self, origin: str, version: str, partition: int = 0) -> None:
        """``origin`` and ``version`` are for outputs that do not bring their own (rules do).

        An output that names no instrument speaks for its partition, so only its id depends on that.
        """
        self._origin = origin
        self._version = version
        self._partition = partition
        self._ordinals: dict[str, Ordinals] = {}
        self._speakers: dict[_Parts, _Speaker] = {}

    def seal(self, output: Output, ts_event: int) -> Output:
        """Return ``output`` complete, as it will be read back; ``ts_event`` is the event's.

        Raises:
            TypeError, ValueError: it cannot be written down, or not read back as what it is.
        """
        sealed = decode(encode(output))  # now its fields are what their types say
        ts = sealed.ts_event or ts_event
        origin, version = sealed.origin or self._origin, sealed.version or self._version
        parts = (origin, version, sealed.instrument, kind_of(sealed), sealed.name)
        ordinal, id_ = self._numbered(parts, ts)
        # Nobody else has it yet, so it is filled in place.
        for field, found in (
            ("ts_event", ts),
            ("origin", origin),
            ("version", version),
            ("ordinal", ordinal),
            ("id", id_),
        ):
            force_setattr(sealed, field, found)
        return sealed

    def write(self, said: Output, ts_event: int) -> Written:
        """Return what :meth:`seal` does as it is kept, and raise what it does."""
        return written(self.seal(said, ts_event))

    def write_all(self, said: Iterable[Output | Draft]) -> list[Written]:
        """Return all of them as they are kept; raise what :meth:`seal` does."""
        made: list[Written] = []
        for one in said:
            if not isinstance(one, Draft):
                made.append(self.write(one, 0))
                continue
            kind, ts, instrument = one.kind, one.ts_event, one.instrument
            origin, name = one.origin, one.name
            ordinal, id_ = self._numbered((origin, one.version, instrument, kind, name), ts)
            body = b'%b"ordinal":%d,"id":"%b",%b' % (one.head, ordinal, id_.encode(), one.tail)
            made.append(Written(id_, kind, ts, instrument, origin, name, body))
        return made

    def _numbered(self, parts: _Parts, ts: int) -> tuple[int, str]:
        """Return the ordinal and id of one more that is said at a time."""
        speaker = self._speakers.get(parts)
        if speaker is None:
            if len(self._speakers) >= _SPEAKERS_KEPT:
                self._speakers.clear()
            speaker = self._speakers[parts] = self._speaker(parts)
        ordinal = speaker.ordinals.next(ts)
        return ordinal, _digest(b"%b%d%b%d]" % (speaker.head, ts, speaker.tail, ordinal))

    def _speaker(self, parts: _Parts) -> _Speaker:
        origin, version, instrument, kind, name = parts
        ordinals = self._ordinals.setdefault("\x1f".join(parts), Ordinals())
        head = _encoder.encode((origin, version, instrument or self._partition))
        tail = _encoder.encode((kind, name))
        return _Speaker(ordinals, head[:-1] + b",", b"," + tail[1:-1] + b",")

    def snapshot(self) -> dict[str, Ordinals]:
        """Return the counts; what is sealed later does not change them."""
        return copy.deepcopy(self._ordinals)

    def restore(self, ordinals: dict[str, Ordinals]) -> None:
        """Take :meth:`snapshot` back."""
        self._ordinals = copy.deepcopy(ordinals)
        self._speakers.clear()


def chain(previous: str, *outputs: Output | Written) -> str:
    """Return the running hash of a unit's outputs, 32 hex digits, after some more of them."""
    for output in outputs:
        said = previous.encode() + encode(output)
        previous = blake2b(said, digest_size=_ID_BYTES).hexdigest()
    return previous
