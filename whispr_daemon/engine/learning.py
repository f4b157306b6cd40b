"""Follows the log where it changes a strategy: what is new in it learns the log up to there.

A split does, too: what was made of earlier prices is made again, in the terms that hold from there.
"""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from whispr_daemon.domain.errors import StrategyFailed
from whispr_daemon.domain.outputs import Written
from whispr_daemon.engine.elsewhere import Merged, read_past
from whispr_daemon.engine.fold import Fold
from whispr_daemon.engine.partitions import CHANGES
from whispr_daemon.engine.reader import Reader
from whispr_daemon.ports.event_log import Entry
from whispr_daemon.ports.strategy import Changing

Result = TypeVar("Result")


async def follow(fold: Fold, entry: Entry, reader: Reader) -> list[Written]:
    """Fold one entry, with the changes and splits it holds; return its outputs, sealed.

    Raises:
        StrategyFailed: the strategy raised, or said something that cannot be told.
        Fatal: the store does not know a change that the log names.
    """
    bodies = await reader.bodies(entry) if fold.obeys else {}
    outputs: list[Written] = []
    for step in fold.steps(entry, reader.symbols, bodies):
        outputs += step.said
        if step.turns:
            await _learn(fold, reader, entry, step.end)
    await reader.folded()
    return outputs


async def _learn(fold: Fold, reader: Reader, entry: Entry, end: int) -> None:
    """Fold the retained log up to a row of an entry, in silence, for what has to learn it."""
    strategy = fold.strategy
    if not isinstance(strategy, Changing):
        return
    lesson = _asked(entry, strategy.unlearned)
    if lesson is None:
        return
    refers = _asked(entry, strategy.refers)
    past = await read_past(reader, refers, entry.marks.get(CHANGES, 0))
    so_far = msgspec.structs.replace(entry, rows=entry.rows[:end])
    again: Changing | None = lesson
    while again is not None:
        lesson = again
        await _teach(fold.pupil(lesson), Merged(past), reader, so_far)
        # It may have met splits of which nobody knew: then what it made is in old terms, too.
        again = _asked(entry, lesson.unlearned)
    learned = lesson
    _asked(entry, lambda: strategy.learn(learned))


async def _teach(pupil: Fold, merged: Merged, reader: Reader, last: Entry) -> None:
    """Fold all entries before one, and that."""
    read = await reader.read(pupil.position)
    while read and pupil.position < last.position:
        for each in read:
            if each.position > last.position:
                return
            entry = last if each.position == last.position else each
            pupil.take(entry if pupil.repeats(entry) else merged.with_past(entry), merged.symbols)
            await reader.folded()
        read = await reader.read(pupil.position)


def _asked(entry: Entry, question: Callable[[], Result]) -> Result:
    # A strategy is foreign code: whatever it raises, its own unit stops and nobody else.
    try:
        return question()
    except Exception as error:
        raise StrategyFailed(
            f"at position {entry.position}, learning the log: raised {error!r}"
        ) from error
