"""Follows the log where it changes a strategy: what is new in it learns the log up to there."""

from collections.abc import Callable
from typing import TypeVar

from whispr_daemon.domain.errors import StrategyFailed
from whispr_daemon.domain.outputs import Output
from whispr_daemon.engine.fold import Fold
from whispr_daemon.engine.reader import Reader
from whispr_daemon.ports.event_log import Entry
from whispr_daemon.ports.strategy import Changing

Result = TypeVar("Result")


async def follow(fold: Fold, entry: Entry, reader: Reader) -> list[Output]:
    """Fold one entry, with the changes it holds; return its outputs, sealed.

    Raises:
        StrategyFailed: the strategy raised, or said something that cannot be told.
        Fatal: the store does not know a change that the log names.
    """
    bodies = await reader.bodies(entry) if fold.obeys else {}
    before = fold.changes
    outputs = fold.take(entry, reader.symbols, bodies)
    strategy = fold.strategy
    if fold.changes > before and isinstance(strategy, Changing):
        await _learn(strategy, fold, reader)
    return outputs


async def _learn(strategy: Changing, fold: Fold, reader: Reader) -> None:
    """Fold the retained log up to here, in silence, for what the change brought in."""
    fresh = _asked(fold, strategy.unlearned)
    if fresh is None:
        return
    pupil = fold.pupil(fresh)
    while pupil.position < fold.position:
        read = await reader.read(pupil.position)
        entries = [entry for entry in read if entry.position <= fold.position]
        for entry in entries:
            pupil.take(entry, reader.symbols)
        if not entries:
            break
    _asked(fold, lambda: strategy.learn(fresh))


def _asked(fold: Fold, question: Callable[[], Result]) -> Result:
    # A strategy is foreign code: whatever it raises, its own unit stops and nobody else.
    try:
        return question()
    except Exception as error:
        raise StrategyFailed(
            f"at position {fold.position}, learning the log: raised {error!r}"
        ) from error
