"""What an entry of the function table says: arguments, result, meaning, and how it is computed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from whispr_daemon.ports.function import Faults
from whispr_daemon.rules.diagnostics import Finding
from whispr_daemon.rules.functions.folds import NAN, Place, Step
from whispr_daemon.rules.nodes import Call, Type
from whispr_daemon.rules.source import Event, Source


class Accepts(StrEnum):
    """What may stand in the place of an argument."""

    NUMBER = "a number"  # or a level: any value that is one
    LENGTH = "a whole number"  # of bars, written as such or as a parameter
    FACTOR = "a number written as such"  # or as a parameter
    TRUTH = "a condition"  # or an event
    WORD = "a text"  # one of the parameter's words; at work the place of it there
    ANY = "a value"  # of any type but str; all such arguments of a call are of one type


class Parameter(NamedTuple):
    """One argument of a function. With a ``default`` it may be left out.

    The NUMBERs of an indicator are its sources; LENGTHs, FACTORs and WORDs are its ``numbers``.
    """

    name: str
    accepts: Accepts
    default: float | None = None
    words: tuple[str, ...] = ()  # that a WORD may be


class Folded(NamedTuple):
    """A column of its own: a value per bar, folded once a batch whichever rules read it.

    A step for numba is a module's function, of plain loops. One of a plug-in is not: it is
    ``bound`` for a fold, to the numbers of the call and to where what it raises is noted.
    """

    step: Step
    floats: Callable[[int], int]  # state per slot, from the length, as all that follows
    formed: Callable[[int], int]  # inputs until the first value
    alpha: Callable[[int], float]  # weight of the newest input; 1: forgets its start at once
    every_bar: bool = False  # after the first input, an undefined one is an input too
    bound: Callable[[Sequence[float], Faults], Step] | None = None

    def step_for(self, numbers: Sequence[float], faults: Faults) -> Step:
        """Return the step of one fold; what a plug-in raises in it is added to ``faults``."""
        return self.step if self.bound is None else self.bound(numbers, faults)

    def place(self, numbers: Sequence[float]) -> Place:
        """Return how its state is laid out; ``numbers`` are those of the call, as in a Series."""
        length = int(numbers[0]) if numbers else 1
        factor = numbers[1] if len(numbers) > 1 else NAN
        return Place(length, factor, self.floats(length), self.every_bar)


class Written(NamedTuple):
    """Lines of the step function that end in a variable: a number or a truth.

    One that ``remembers`` takes state of its clause (:meth:`Source.new_int`), so it sees every bar.
    """

    write: Callable[[Source, Call], str]
    remembers: bool = False


class Happening(NamedTuple):
    """Lines of the step function that end in an event. It may remember, so it sees every bar."""

    write: Callable[[Source, Call], Event]


class Composed(NamedTuple):
    """Defined in the rule language itself, of other functions.

    ``parts`` maps what follows the dot (``""``: nothing does) to an expression over the parameters:
    ``macd(fast, slow, smooth).line`` is ``ema(close, fast) - ema(close, slow)``.
    """

    parts: Mapping[str, str]
    words: Mapping[str, tuple[str, ...]] = {}  # of each part that is a str: what it counts into


Lowering: TypeAlias = Folded | Written | Happening | Composed


def unremarkable(_call: Call) -> Iterator[Finding]:
    """Remark on nothing."""
    return iter(())


class Function(NamedTuple):
    """One built-in function."""

    name: str
    takes: tuple[Parameter, ...]
    gives: Type | None  # a Written number of levels alone is a level; None: the type of its ANYs
    lowering: Lowering
    about: str  # its definition
    most: int = 0  # arguments, where the last may be repeated
    remarks: Callable[[Call], Iterator[Finding]] = unremarkable  # on a call that is right
    hidden: bool = False  # there for the definitions of others: no rule may call it

    @property
    def counts(self) -> tuple[int, int]:
        """The least and the most arguments."""
        least = sum(parameter.default is None for parameter in self.takes)
        return least, max(self.most, len(self.takes))


X = Parameter("x", Accepts.NUMBER)
LENGTH = Parameter("length", Accepts.LENGTH)
FACTOR = Parameter("factor", Accepts.FACTOR)
