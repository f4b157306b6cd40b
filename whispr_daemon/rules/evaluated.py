"""What came of a clause at a row, with the values it was decided by."""

from collections.abc import Mapping
from typing import Final, NamedTuple, TypeAlias

from whispr_daemon.domain.outputs import Direction
from whispr_daemon.rules.column import ORDER, SLOT, TS
from whispr_daemon.rules.columns.values import Values
from whispr_daemon.rules.compile.record import Verdict
from whispr_daemon.rules.lateness import Reference
from whispr_daemon.rules.nodes import Node, Type

Plain: TypeAlias = float | bool | str | None

_TRUTHS: Final[dict[float, Plain]] = {1.0: True, -1.0: False}


class View(NamedTuple):
    """What the rules of one clock see of a batch: its evaluated rows."""

    rows: int  # how many
    values: Values
    symbols: list[str]  # by slot

    @property
    def slot(self) -> list[int]:
        """The slots of the rows."""
        return self.values[SLOT]

    @property
    def ts(self) -> list[int]:
        """Their times, ns UTC."""
        return self.values[TS]

    @property
    def order(self) -> list[int]:
        """Their order in the batch; see columns.frames.Frame."""
        return self.values[ORDER]


class Shown(NamedTuple):
    """A value that a clause's records carry."""

    node: Node
    key: str  # canonical
    text: str  # as people write it
    other: Reference | None  # of another symbol
    number: bool  # it is neither a truth nor a word


class Evaluated(NamedTuple):
    """What came of one clause of a rule at one row."""

    row: int
    clause: int  # in the rule; -1: it is about the rule
    verdict: Verdict
    ts: int  # ns UTC
    slot: int
    direction: Direction
    gap: bool
    level: float  # NaN: none
    code: int  # of an error: BY_ZERO or OVERFLOW; of a sequence: steps done
    shown: tuple[Shown, ...]
    # Of what is shown: NaN na, truths 1 0 -1, ns, minutes, a word's index.
    numbers: tuple[float, ...]
    late: Mapping[str, int]  # values of bars that ended too early, by spelling; ns UTC
    price: float  # of the row
    order: int  # of the row in the batch; see columns.frames.Frame

    @property
    def values(self) -> dict[str, Plain]:
        """Return each value by the spelling of its node; None is na."""
        return {
            one.text: (number if number == number else None)
            if one.number
            else plain(one.node, number)
            for one, number in zip(self.shown, self.numbers, strict=True)
        }


def plain(node: Node, number: float) -> Plain:
    """Return a value as plain data."""
    if number != number:
        return None
    match node.type:
        case Type.BOOL | Type.EVENT:
            return _TRUTHS.get(number)
        case Type.STR:
            return node.words[int(number)]
        case _:
            return number
