"""What one process commits, told to another that delivers it: that one need not ask the server."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.adapters.stores.newest import NewestOutputs
from whispr_daemon.domain.outputs import Written
from whispr_daemon.ports.clock import Clock
from whispr_daemon.ports.store import StoredOutput

_MOST_BYTES: Final = 65_536  # told at once; of more is only told that there is some
_ASK_EVERY: Final = 0.25  # seconds; as often as a relay looks that hears of nothing


class _Said(msgspec.Struct, frozen=True, array_like=True):
    """The outputs of a commit that is durable."""

    unit_id: str
    first: int  # out_seq of the first of them
    created: int  # as the store has it, ns UTC
    outputs: Sequence[Written]


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(list[_Said])


class News:
    """Of one store, in one process: what is to be told, and what was heard.

    The store is the truth. News is of what it has, each output with its number: what was lost on
    the way shows as a gap, and what no gap shows is found within a quarter of a second, for so
    often the store is asked whatever was heard.
    """

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        """Nothing was said or heard."""
        self._clock = clock
        self._newest = NewestOutputs()
        self._ask_at = clock.monotonic()
        self._told: list[_Said] = []
        self._bytes = 0  # of the bodies in it

    def say(self, unit_id: str, first: int, outputs: Sequence[Written], created: int) -> None:
        """Have outputs told that are durable, numbered from ``first`` on, with their time."""
        if not outputs:
            return
        self._newest.add(unit_id, first, outputs, created)
        if self._bytes <= _MOST_BYTES:
            self._told.append(_Said(unit_id, first, created, outputs))
            self._bytes += sum(len(output.body) for output in outputs)

    def told(self) -> bytes:
        """Return what is to be told since the last time; nothing, where that is too much."""
        told, self._told = self._told, []
        whole, self._bytes = self._bytes <= _MOST_BYTES, 0
        return _encoder.encode(told) if whole else b""

    def hear(self, told: bytes) -> None:
        """Take in what another process tells; nothing: there is some that was not told."""
        try:
            found = _decoder.decode(told) if told else []
        except msgspec.DecodeError:
            found = []  # of another version of this program: the store has it, too
        if not found:
            self._newest.forget()
        for said in found:
            self._newest.add(said.unit_id, said.first, said.outputs, said.created)

    def after(self, cursors: Mapping[str, int], limit: int) -> list[StoredOutput]:
        """Return outputs above the cursors as a store does; none where the store is to be asked."""
        if self._clock.monotonic() >= self._ask_at:
            return []
        return self._newest.after(cursors, limit)

    def asked(
        self, after: Mapping[str, int], outputs: Sequence[StoredOutput], *, all_there_are: bool
    ) -> None:
        """Take in what the store has said above the cursors."""
        self._ask_at = self._clock.monotonic() + _ASK_EVERY
        if all_there_are:
            self._newest.all_read(after, outputs)
