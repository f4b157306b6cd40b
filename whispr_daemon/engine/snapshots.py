"""What a snapshot holds of a fold, and how a strategy's state is written down and taken back."""

from typing import Any, Final, TypeGuard

import msgspec

from whispr_daemon.domain.errors import StrategyFailed
from whispr_daemon.domain.outputs import Ordinals
from whispr_daemon.domain.position import ORIGIN, Position
from whispr_daemon.ports.store import Snapshot
from whispr_daemon.ports.strategy import ColumnarStrategy, Snapshotting, Strategy

CODEC: Final = "msgpack/1"
FRESH: Final = "fresh/1"  # the strategy is built anew and folds the log from its start


class Memory(msgspec.Struct):
    """What the body of a snapshot holds."""

    strategy: bytes
    ordinals: dict[str, Ordinals]
    marks: dict[str, int]
    rows: int
    change: int = 0  # in force; its body is in the store
    inherited: bool = False  # the state goes back to one that other code wrote


def memory_in(snapshot: Snapshot) -> Memory:
    """Return what a snapshot of the :data:`CODEC` holds."""
    return msgspec.msgpack.decode(snapshot.body, type=Memory)


def needed_from(snapshot: Snapshot) -> Position:
    """Return the position after which a log must be whole to go on from a snapshot."""
    return ORIGIN if snapshot.codec == FRESH else snapshot.position


def writes_itself(strategy: Strategy | ColumnarStrategy) -> TypeGuard[Snapshotting]:
    """Whether a strategy writes and restores its own state.

    A Protocol would be asked for 20 us and more, with each snapshot.
    """
    return hasattr(strategy, "snapshot") and hasattr(strategy, "restore")


def state_of(strategy: Strategy | ColumnarStrategy) -> msgspec.Struct | None:
    """Return a strategy's state, where it keeps all of it in one Struct."""
    state = getattr(strategy, "state", None)
    return state if isinstance(state, msgspec.Struct) else None


def write_state(strategy: Strategy | ColumnarStrategy) -> bytes:
    """Return a strategy's state as it wishes it written, or its Struct as msgpack.

    Raises:
        StrategyFailed: it cannot write it.
    """
    try:
        if not writes_itself(strategy):
            return msgspec.msgpack.encode(state_of(strategy))
        body = strategy.snapshot()
        if not isinstance(body, bytes):
            raise TypeError(f"snapshot() returns bytes, this is {type(body).__name__}")  # noqa: TRY301
    except Exception as error:
        raise StrategyFailed(f"cannot write its snapshot: {error!r}") from error
    return body


def read_state(strategy: Strategy | ColumnarStrategy, body: bytes) -> None:
    """Take what :func:`write_state` gave back into a strategy built anew.

    Raises:
        StrategyFailed: it cannot read it.
    """
    # A strategy is foreign code: whatever it raises, its own unit stops and nobody else.
    try:
        if writes_itself(strategy):
            strategy.restore(body)
        else:
            found: Any = msgspec.msgpack.decode(body, type=type(state_of(strategy)))
            setattr(strategy, "state", found)  # noqa: B010 - not part of the protocol
    except Exception as error:
        raise StrategyFailed(f"cannot restore its snapshot: {error!r}") from error
