"""Python source under construction: lines over scalars and flat arrays, as numba takes them.

Truth is an int: -1 false, 0 na, 1 true, so ``and`` is the smaller and ``or`` the larger. na is
NaN. Neither numbers nor durations nor lengths stand in the source, but in parameter arrays (``P``
floats, ``Q`` ints): rules that differ only in them have the same source, and are compiled once.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple, Self

from whispr_daemon.rules.column import Column, Need
from whispr_daemon.rules.nodes import Node

# What places are masked with: a compiler cannot know that none is negative, and would ask of each
# whether it counts from the end, as those of Python do.
NOT_NEGATIVE: Final = (1 << 62) - 1
_STEP: Final = "    "


class Event(NamedTuple):
    """The variables an event lives in: truth, direction (1, -1, 0), gap (0, 1), level."""

    truth: str
    direction: str
    gap: str
    level: str


def mere(truth: str) -> Event:
    """Return an event that has a truth and nothing else."""
    return Event(truth, "0", "0", "NAN")


class StateBlock(NamedTuple):
    """Where the state of one clause stands in a slot's row."""

    floats: slice
    ints: slice
    armed: tuple[int, ...] = ()  # those ints that do not outlive a split; the floats are prices
    muted: int = -1  # the int that says when it may not fire; -1: there is none


class _Taken(NamedTuple):
    """Runs of state whose lengths are data: where in ``Q`` their places go, and the lengths."""

    floats: list[tuple[int, int]]
    ints: list[tuple[int, int]]


class Source(ABC):
    """The body of a step function: its lines, the columns and literals they use, their state.

    What a node means is the translator's to say (:mod:`whispr_daemon.rules.compile.codegen`).

    Attributes:
        on_ticks: its rows are ticks, whose path is from the price before to theirs.
    """

    def __init__(self) -> None:
        """Start empty."""
        self.on_ticks = False
        self.columns: list[Column] = []
        self.literals: list[float] = []
        self.wholes: list[int] = []
        self.needs: list[Need] = []
        self.floats = 0
        self.ints = 0
        self.float_width = self.whole(0)  # of a slot; known when all is written
        self.int_width = self.whole(0)
        self._blocks = 0
        self._armed: list[int] = []  # of the present block
        self._muted = -1
        self._first = 0, 0  # floats and ints taken before the present block
        self._taken = _Taken([], [])
        self._lines: list[str] = []
        self._indent = 2 * _STEP
        self._outer: list[tuple[str, dict[str, Any]]] = []  # blocks: indent, what was known before
        self._names = 0
        self._known: dict[str, Any] = {}

    @abstractmethod
    def number(self, node: Node) -> str:
        """Return the variable of a number; computed once however often it is asked for."""

    @abstractmethod
    def truth(self, node: Node) -> str:
        """Return the variable of a condition or of an event's truth."""

    @abstractmethod
    def event(self, node: Node) -> Event:
        """Return the variables of an event."""

    @abstractmethod
    def ready(self, node: Node) -> str:
        """Return a condition that is true when all that a node reads is warm."""

    @abstractmethod
    def amiss(self, test: str) -> None:
        """Note an error of this row where a test holds: a function is asked what it cannot say."""

    # ------------------------------------------------------------------ text
    def line(self, text: str) -> None:
        """Add one line at the present depth."""
        self._lines.append(self._indent + text)

    def lines(self) -> str:
        """Return the body."""
        return "\n".join(self._lines)

    def block(self, head: str) -> Self:
        """Indent what follows under ``head``, to the end of a ``with``.

        What is computed there is not known after it.
        """
        self.line(head)
        self._outer.append((self._indent, self._known))
        self._indent, self._known = self._indent + _STEP, dict(self._known)
        return self

    def __enter__(self) -> Self:
        """Return itself: :meth:`block` has begun what ends here."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the innermost block."""
        self._indent, self._known = self._outer.pop()

    def name(self, value: str) -> str:
        """Bind a new variable to an expression."""
        self._names += 1
        variable = f"v{self._names}"
        self.line(f"{variable} = {value}")
        return variable

    def quotient(self, above: str, below: str) -> str:
        """Bind a new variable to a quotient, na where the divisor is 0."""
        return self.name(f"NAN if {below} == 0.0 else {above} / {below}")

    # ------------------------------------------------------------------ what the lines read
    def literal(self, value: float) -> str:
        """Return where a number stands in the parameters."""
        self.literals.append(value)
        return f"p{len(self.literals) - 1}"

    def whole(self, value: int) -> str:
        """Return where an integer (a length, a duration in ns) stands in the parameters."""
        self.wholes.append(value)
        return f"q{len(self.wholes) - 1}"

    def settle(self, place: str, value: int) -> None:
        """Give an integer of :meth:`whole` the value that was not known when it was taken."""
        self.wholes[int(place[1:])] = value

    def column(self, column: Column) -> str:
        """Return the variable that holds this row's value of a column."""
        key = f"column {column.key} {column.part}"
        if key not in self._known:
            if column not in self.columns:
                self.columns.append(column)
            self._known[key] = self.name(f"c{self.columns.index(column)}[r]")
        return str(self._known[key])

    def warm(self, needs: Sequence[Need]) -> str:
        """Return a condition that is true when all counts are reached (``N`` has the least)."""
        tests = []
        for need in dict.fromkeys(needs):
            if need not in self.needs:
                self.needs.append(need)
            tests.append(f"{self.column(need.column)} >= n{self.needs.index(need)}")
        return " and ".join(tests) or "True"

    # ------------------------------------------------------------------ state
    @contextmanager
    def own_state(self) -> Iterator[list[StateBlock]]:
        """Take state for one clause; what is computed within is not shared with others.

        Its first float is at ``F[f1]`` and its first int at ``I[i1]`` in the first such block.
        """
        blocks: list[StateBlock] = []
        floats, ints, known = self.floats, self.ints, dict(self._known)
        self._blocks += 1
        self._first = floats, ints
        self._armed, self._muted = [], -1
        places = self.whole(floats), self.whole(ints)
        self.line(f"f{self._blocks} = s * {self.float_width} + {places[0]} & {NOT_NEGATIVE}")
        self.line(f"i{self._blocks} = s * {self.int_width} + {places[1]} & {NOT_NEGATIVE}")
        yield blocks
        columns = {key: name for key, name in self._known.items() if key.startswith("column ")}
        self._known = {**known, **columns}
        self._place_runs(floats, ints)
        self.settle(self.float_width, self.floats)
        self.settle(self.int_width, self.ints)
        taken = slice(floats, self.floats), slice(ints, self.ints)
        blocks.append(StateBlock(*taken, tuple(self._armed), self._muted))

    def _place_runs(self, floats: int, ints: int) -> None:
        """Put the runs behind the single values, whose number is the same in every such rule."""
        for place, length in self._taken.floats:
            self.wholes[place] = self.floats - floats
            self.floats += length
        for place, length in self._taken.ints:
            self.wholes[place] = self.ints - ints
            self.ints += length
        self._taken = _Taken([], [])

    def new_int(self, *, armed: bool = False) -> str:
        """Take one int of state; 0 at first, and where it is ``armed`` after a split again."""
        if armed:
            self._armed.append(self.ints)
        self.ints += 1
        return f"I[i{self._blocks} + {self.ints - self._first[1] - 1}]"

    def new_mute(self) -> str:
        """Take the int of a clause that says at which count of bars a split keeps it silent."""
        self._muted = self.ints
        return self.new_int()

    def new_float(self) -> str:
        """Take one float of state; NaN at first, and after a split again."""
        self.floats += 1
        return f"F[f{self._blocks} + {self.floats - self._first[0] - 1}]"

    def new_floats(self, length: int) -> str:
        """Take a run of floats, NaN at first; the variable is the place in ``F`` of the first."""
        place = self.whole(0)
        self._taken.floats.append((int(place[1:]), length))
        return self.name(f"f{self._blocks} + {place}")

    def new_ints(self, length: int) -> str:
        """Take a run of ints, 0 at first; the variable is the place in ``I`` of the first."""
        place = self.whole(0)
        self._taken.ints.append((int(place[1:]), length))
        return self.name(f"i{self._blocks} + {place}")
