"""One compiled rule with its state: columns in, fired clauses out, outputs of a fired clause."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from whispr_daemon.domain.outputs import Alert, Direction, Output, Signal
from whispr_daemon.domain.timeframe import CODE_OF, NANOS_OF
from whispr_daemon.rules.actions import Emit, Warn, reads
from whispr_daemon.rules.column import Column, Need
from whispr_daemon.rules.columns.bank import Values
from whispr_daemon.rules.columns.frames import Clock
from whispr_daemon.rules.columns.table import Table
from whispr_daemon.rules.compile.compiler import RECORD, Part, compile_rule
from whispr_daemon.rules.nodes import Node, Type
from whispr_daemon.rules.rule import Clause, Rule
from whispr_daemon.rules.settings import RuleSettings

STALE_BARS: Final = 3  # timeframes without a bar after which a condition is unknown

_DIRECTIONS: Final[dict[int, Direction]] = {1: "up", -1: "down", 0: ""}


class View(NamedTuple):
    """What the rules of one clock see of a batch: its evaluated rows."""

    slot: list[int]
    at: list[int]  # the place of each row in the batch
    ts: list[int]
    values: Values
    symbols: list[str]  # by slot


class Fired(NamedTuple):
    """A clause that fired on a row of a view."""

    row: int
    clause: int
    direction: Direction
    gap: bool
    level: float
    values: list[float]  # that the clause's messages show


class Running:
    """A rule at work."""

    def __init__(self, rule: Rule, settings: RuleSettings) -> None:
        """Compile the rule; it starts unarmed."""
        inputs = rule.inputs
        self.rule = rule
        self.clock = Clock(inputs.timeframe, inputs.session, inputs.calendar)
        self.symbols = inputs.symbols or settings.watchlist or ("*",)
        self._parts = [_part(clause) for clause in rule.clauses]
        self.program = compile_rule(self._parts, inputs.bars)
        self.require = inputs.require or settings.require
        self.table = Table(self.program.floats, self.program.ints)
        self._least = (
            STALE_BARS * NANOS_OF[CODE_OF[inputs.timeframe]],
            *(need.least(self.require) for need in self.program.needs),
        )
        self._want: list[int] = []

    def wants(self, symbol: str) -> bool:
        """Is the rule about this instrument?"""
        return "*" in self.symbols or symbol in self.symbols

    def reads(self) -> Iterator[Node]:
        """Yield every expression of the rule."""
        for part in self._parts:
            yield part.condition
            yield from part.values

    def lacking(self) -> Iterator[tuple[Need, int]]:
        """Yield what must be counted before the rule may fire, and how far."""
        return zip(self.program.needs, self._least[1:], strict=True)

    def forget(self) -> None:
        """Start again, unarmed."""
        self.table.clear()
        self._want.clear()

    def run(self, view: View) -> Iterator[Fired]:
        """Fold the rows of a view; yield what fires, by row and clause."""
        self._want += (self.wants(symbol) for symbol in view.symbols[len(self._want) :])
        program = self.program
        most = len(view.slot) * len(program.blocks)
        records, floats = [0] * (most * RECORD), [0.0] * (most * program.width)
        state = self.table.state(len(view.symbols))
        fired = program.fold(
            len(view.slot),
            view.slot,
            tuple(view.values[column] for column in program.columns),
            state.floats,
            state.ints,
            program.literals,
            self._least,
            self._want,
            records,
            floats,
        )
        for number in range(fired):
            row, clause, direction, gap = records[number * RECORD : (number + 1) * RECORD]
            level, *values = floats[number * program.width : (number + 1) * program.width]
            yield Fired(row, clause, _DIRECTIONS[direction], bool(gap), level, values)

    def say(self, fired: Fired, view: View) -> Iterator[Output]:
        """Yield the outputs of a fired clause, in the order of its ``then``."""
        clause = self.rule.clauses[fired.clause]
        values = iter(fired.values)
        data: dict[str, object] = {"clause": clause.id}
        if clause.condition is not None and clause.condition.type is Type.EVENT:
            data["gap"] = fired.gap
        shared = {
            "instrument": view.symbols[view.slot[fired.row]],
            "ts_event": view.ts[fired.row],
            "direction": fired.direction,
            "price": view.values[Column("close")][fired.row],
            "level": None if fired.level != fired.level else fired.level,
            "data": data,
            "origin": self.rule.name,
            "version": self.rule.version,
        }
        for action in clause.actions:
            if isinstance(action, Emit):
                yield Signal(name=action.name, strength=action.strength, **shared)
            elif isinstance(action, Warn):
                shown = [next(values) for _ in action.message.nodes()]
                text = action.message.text(shown, fired.direction, gap=fired.gap)
                yield Alert(message=text, severity=action.severity, **shared)


def _part(clause: Clause) -> Part:
    assert clause.condition is not None  # noqa: S101 (sequences are refused when read)
    return Part(
        clause.condition, tuple(node for action in clause.actions for node in reads(action))
    )
