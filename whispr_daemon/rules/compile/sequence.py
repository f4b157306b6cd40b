"""Sequences as lines: partial matches advance step by step, later evaluation by later evaluation.

A partial match is three ints: how many steps are done, when the first was, and since when an absent
step is waited for (of the others: when the last step was).
"""

from typing import Final, NamedTuple

from whispr_daemon.rules.column import TS
from whispr_daemon.rules.compile.codegen import Translation
from whispr_daemon.rules.nodes import Type
from whispr_daemon.rules.rule import Sequence
from whispr_daemon.rules.source import Event, mere

OVERLAPPING: Final = 16  # partial matches at a time; while there are so many no other begins
_INTS: Final = 3


class Search(NamedTuple):
    """A sequence with its state: ``partials`` run from the int at ``first``."""

    sequence: Sequence
    first: str
    partials: int
    late: str  # the variable that says: one took too long
    done: str  # the variable that says how many steps the furthest has done

    @classmethod
    def of(cls, source: Translation, sequence: Sequence) -> "Search":
        """Take the state of a sequence."""
        partials = OVERLAPPING if sequence.overlap else 1
        places = [source.new_int() for _ in range(partials * _INTS)]
        first = places[0].removeprefix("I[").removesuffix("]")
        return cls(sequence, first, partials, source.name("0"), source.name("0"))

    @property
    def waits(self) -> bool:
        """Is there an absent step?"""
        return any(step.absent for step in self.sequence.steps)

    @property
    def each(self) -> str:
        """The head of a loop over the partial matches."""
        return f"for m in range({self.first}, {self.first} + {_INTS * self.partials}, {_INTS}):"

    def write_end(self, source: Translation) -> None:
        """Drop all partial matches."""
        with source.block(self.each):
            source.line("I[m] = 0")
            source.line("I[m + 2] = 0")

    def write_gap(self, source: Translation) -> None:
        """Let absent steps wait anew: nobody knows what happened in a gap."""
        with source.block(self.each):
            source.line(f"I[m + 2] = {source.column(TS)}")


def write_search(source: Translation, search: Search, ready: str) -> Event:
    """Write one evaluation of a sequence; the event is that the last step was done now."""
    sequence = search.sequence
    matched = source.name("-1")
    truths = [source.truth(step.condition) for step in sequence.steps]
    until = source.truth(sequence.until) if sequence.until is not None else ""
    ts = source.column(TS)
    with source.block(f"if {ready}:"):
        begun = source.name("0")
        with source.block(search.each):
            done = source.name("I[m]")
            if sequence.within:
                late = f"{ts} - I[m + 1] > {source.whole(sequence.within)}"
                with source.block(f"if {done} > 0 and {late}:"):
                    source.line(f"{search.late} = 1")
                    _write_begin(source, done, ts)
            if until:
                with source.block(f"if {done} > 0 and {until} == 1:"):
                    _write_begin(source, done, ts)
            moved = source.name("0")
            for number in range(len(truths)):
                once = "" if sequence.same_bar or number == 0 else f" and {moved} == 0"
                free = f" and {begun} == 0" if number == 0 else ""
                with source.block(f"if {done} == {number}{once}{free}:"):
                    _write_step(source, search, number, truths[number], (done, moved, begun))
            with source.block(f"if {done} == {len(truths)}:"):
                source.line(f"{matched} = 1")
                _write_begin(source, done, ts)
            source.line(f"I[m] = {done}")
            source.line(f"{search.done} = max({search.done}, {done})")
    last = sequence.steps[-1]
    if last.absent or last.condition.type is not Type.EVENT:
        return mere(matched)
    return source.event(last.condition)._replace(truth=matched)


def _write_begin(source: Translation, done: str, ts: str) -> None:
    source.line(f"{done} = 0")
    source.line(f"I[m + 2] = {ts}")


def _write_step(
    source: Translation, search: Search, number: int, truth: str, progress: tuple[str, str, str]
) -> None:
    done, moved, begun = progress
    ts = source.column(TS)
    step = search.sequence.steps[number]
    if step.absent:
        with source.block(f"if {truth} == 1 or I[m + 2] == 0:"):
            source.line(f"I[m + 2] = {ts}")
        satisfied = f"elif {ts} - I[m + 2] >= {source.whole(step.absent)}:"
    else:
        satisfied = f"if {truth} == 1:"
    with source.block(satisfied):
        source.line(f"{done} = {number + 1}")
        source.line(f"{moved} = 1")
        source.line(f"I[m + 2] = {ts}")
        if number == 0:
            source.line(f"I[m + 1] = {ts}")
            source.line(f"{begun} = 1")
