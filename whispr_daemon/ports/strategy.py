"""What a strategy is to Whispr: a fold over market events that says signals and alerts.

A strategy is any object with ``name``, ``version`` and ``on_event``. Same events, same outputs: no
wall clock, no I/O, no unseeded randomness.

How its state survives a crash, best first:
  * it has ``snapshot`` and ``restore``; or
  * it keeps all its state in an attribute ``state`` that is a msgspec Struct; or
  * neither: after a crash it is rebuilt by folding the retained log from its start.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Protocol, runtime_checkable

from whispr_daemon.domain.batch import Batch
from whispr_daemon.domain.events import MarketEvent
from whispr_daemon.domain.outputs import Draft, Output


@runtime_checkable
class Strategy(Protocol):
    """The user's shape."""

    name: str
    version: str

    def on_event(self, event: MarketEvent) -> Iterable[Output]:
        """Answer one event. An output without ``ts_event`` gets the event's.

        A split is an event like all others: what was made of earlier prices is the strategy's own.
        """
        ...


@runtime_checkable
class ColumnarStrategy(Protocol):
    """A strategy that wishes whole batches. However a batch is cut, outputs must be the same."""

    name: str
    version: str

    def on_batch(self, batch: Batch) -> Iterable[Output]:
        """Answer a batch: outputs in the order of its rows, each with its ``ts_event``.

        Of a strategy that is Changing splits end their batch: it may have to learn the log. Bars
        of the past that were corrected are rows of a kind of their own (``CORRECTION``).
        """
        ...


@runtime_checkable
class Drafting(ColumnarStrategy, Protocol):
    """One that says so much that it writes most of it down itself. It is trusted to do it well."""

    def drafts(self, batch: Batch) -> Iterable[Output | Draft]:
        """Return what ``on_batch`` says, written down already where it is of a usual kind."""
        ...


@runtime_checkable
class Snapshotting(Protocol):
    """A strategy that writes its own state."""

    def snapshot(self) -> bytes:
        """Return the whole state; restoring it changes nothing in what follows."""
        ...

    def restore(self, body: bytes) -> None:
        """Take a snapshot back, also one of an earlier version."""
        ...


@runtime_checkable
class Changing(Protocol):
    """A strategy whose making is in the log: it is told at one position what to be from there on.

    Of the rules: which files. A strategy of this kind is built empty. Before it restores a snapshot
    it is given the change that was in force there, so what it is made of need not be in it.
    """

    def change(self, number: int, body: bytes, ts_event: int) -> Iterable[Output]:
        """Become what ``body`` says, keeping the state of all that has not changed."""
        ...

    def refers(self) -> Collection[str]:
        """Return the instruments whose rows it reads wherever they are at home."""
        ...

    def unlearned(self) -> "Changing | None":
        """Return a strategy made like this one that has seen nothing, None if this one needs none.

        Asked after each change and each split, and of each that was folded. It is folded over the
        log up to here, for what is new, or in other terms now, to have its history.
        """
        ...

    def learns(self) -> Collection[str]:
        """Return the instruments that one of :meth:`unlearned` is to learn of; empty: all."""
        ...

    def learn(self, other: "Changing") -> None:
        """Take over from a strategy that has folded the log what this one has no history of."""
        ...


@runtime_checkable
class Warming(Protocol):
    """A strategy that can say what it is still waiting for."""

    def warmup(self) -> Mapping[str, str]:
        """Return what is not ready yet, in words; empty when all is."""
        ...
