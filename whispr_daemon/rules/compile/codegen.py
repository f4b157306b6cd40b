"""Typed trees to the lines of a step function."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from typing_extensions import override

from whispr_daemon.rules.column import Column, level_key
from whispr_daemon.rules.compile.record import BY_ZERO, DOMAIN, OVERFLOW
from whispr_daemon.rules.compile.said import read_emitted, read_number
from whispr_daemon.rules.functions.function import Happening, Written
from whispr_daemon.rules.functions.table import FUNCTIONS
from whispr_daemon.rules.functions.warmth import needs_of
from whispr_daemon.rules.nodes import (
    Arithmetic,
    AsOf,
    Call,
    ClockValue,
    Compare,
    Const,
    Forming,
    Level,
    LevelValue,
    Logic,
    Named,
    Negative,
    Node,
    Not,
    Parameter,
    PortfolioValue,
    Price,
    Said,
    Series,
    SessionValue,
    Type,
    Variable,
)
from whispr_daemon.rules.source import Event, Source, mere
from whispr_daemon.rules.tree import canonical

TRUTHS: Final = (Type.BOOL, Type.EVENT)


class Heard(NamedTuple):
    """A signal that a step function says or asks about, and where in ``Q`` its board entry goes."""

    signal: str
    shadow: bool  # an entry of the rule's own
    place: int  # of the entry's offset in a slot's row; behind it the capacity of its ring


class Translation(Source):
    """Source that knows what nodes mean. What it has computed once it does not compute again.

    Attributes:
        heard: the signals it says or asks about.
        hidden: the signals that are now asked of the rule's own entries.
        trouble: the variable in which an error is noted; empty: in none.
    """

    def __init__(self, variables: Sequence[str] = ()) -> None:
        """``variables`` are the rule's, in the order of their state in ``V``."""
        super().__init__()
        self.variables: Mapping[str, int] = {name: at for at, name in enumerate(variables)}
        self.heard: list[Heard] = []
        self.hidden: frozenset[str] = frozenset()
        self.trouble = ""
        self.board_width = self.whole(0)

    @override
    def ready(self, node: Node) -> str:
        return self.warm(tuple(needs_of(node)))

    @override
    def amiss(self, test: str) -> None:
        if self.trouble:
            with self.block(f"if {test}:"):
                self.line(f"{self.trouble} = {DOMAIN}")

    def variable(self, name: str) -> str:
        """Return where a variable of the rule stands."""
        return f"V[v + {2 * self.variables[name] + 1}]"

    def entry(self, signal: str, *, shadow: bool) -> tuple[str, str]:
        """Return the place of a signal on the board, and the capacity of its ring."""
        for heard in self.heard:
            if heard[:2] == (signal, shadow):
                break
        else:
            heard = Heard(signal, shadow, int(self.whole(0)[1:]))
            self.whole(1)
            self.heard.append(heard)
        key = f"entry {heard.place}"
        if key not in self._known:
            self._known[key] = self.name(f"s * {self.board_width} + q{heard.place}")
        return str(self._known[key]), f"q{heard.place + 1}"

    # ------------------------------------------------------------------ numbers
    @override
    def number(self, node: Node) -> str:
        key = canonical(node)
        if key not in self._known:
            self._known[key] = self._number(node)
        return str(self._known[key])

    def _number(self, node: Node) -> str:  # noqa: C901, PLR0912 (one case a node)
        if node.type in TRUTHS:
            return self.name(f"float({self.truth(node)})")
        match node:
            case Named(node=inner):
                return self.number(inner)
            case Const(value=value) | Parameter(value=value):
                return self.literal(value)
            case Price(field=field):
                return self.column(Column(field))
            case Series() | AsOf() | Forming() | SessionValue() | ClockValue() | PortfolioValue():
                return self.column(Column(canonical(node)))
            case Level():
                return self._level(node)
            case LevelValue():
                return self._level_value(node)
            case Variable(name=name):
                return self.name(self.variable(name))
            case Said():
                return read_number(self, node, *self._asked(node))
            case Arithmetic():
                return self._arithmetic(node)
            case Negative(operand=operand):
                return self.name(f"-{self.number(operand)}")
            case Call():
                return self._written(node)
            case _:
                raise AssertionError(f"not a number: {canonical(node)}")

    def _asked(self, node: Said) -> tuple[str, str]:
        return self.entry(node.signal, shadow=node.signal in self.hidden)

    def _level(self, node: Level) -> str:
        key = level_key(node.ladder)
        anchor = self.column(Column(key, "anchor"))
        if node.ratio == 0:
            return anchor  # which is there before there is an ATR
        return self.name(
            f"{anchor} + {self.literal(node.ratio)} * {self.column(Column(key, 'atr'))}"
        )

    def _level_value(self, node: LevelValue) -> str:
        key = level_key(node.ladder)
        atr = self.column(Column(key, "atr"))
        if node.name == "atr":
            return atr
        if node.name == "pct":
            high, low = self.column(Column(key, "high")), self.column(Column(key, "low"))
            return self.quotient(f"100.0 * ({high} - {low})", atr)
        anchor, close = self.column(Column(key, "anchor")), self.column(Column("close"))
        return self.quotient(f"({close} - {anchor})", atr)

    def _arithmetic(self, node: Arithmetic) -> str:
        left, right = self.number(node.left), self.number(node.right)
        noted = self.trouble if not node.quiet else ""
        if node.op == "/":
            value = self.quotient(left, right)
            if noted:
                with self.block(f"if {right} == 0.0 and {left} == {left}:"):
                    self.line(f"{noted} = {BY_ZERO}")
        else:
            value = self.name(f"{left} {node.op} {right}")
        with self.block(f"if {value} - {value} != 0.0:"):  # overflow (and NaN) is na
            if noted:
                with self.block(f"if {value} == {value}:"):
                    self.line(f"{noted} = {OVERFLOW}")
            self.line(f"{value} = NAN")
        return value

    def _written(self, node: Call) -> str:
        lowering = FUNCTIONS[node.function].lowering
        assert isinstance(lowering, Written)  # noqa: S101 (else the checker made it no Call)
        return lowering.write(self, node)

    # ------------------------------------------------------------------ truth
    @override
    def truth(self, node: Node) -> str:
        if node.type is Type.EVENT:
            return self.event(node).truth
        key = f"truth {canonical(node)}"
        if key not in self._known:
            self._known[key] = self._truth(node)
        return str(self._known[key])

    def _truth(self, node: Node) -> str:
        match node:
            case Named(node=inner):
                return self.truth(inner)
            case Const(value=value):
                return self.name(str(int(value)))
            case Compare():
                return self._compare(node)
            case Not(operand=operand):
                return self.name(f"-{self.truth(operand)}")
            case Logic():
                return self._logic(node)
            case Call():
                return self._written(node)
            case _:  # a column
                given = self.column(Column(canonical(node)))
                return self.name(f"0 if {given} != {given} else (1 if {given} > 0.0 else -1)")

    def _logic(self, node: Logic) -> str:
        pick = "min" if node.op == "and" else "max"
        names = [self.truth(operand) for operand in node.operands]  # all of them, always
        return self.name(f"{pick}({', '.join(names)})")

    def _compare(self, node: Compare) -> str:
        a, b = self.number(node.left), self.number(node.right)
        value = self.name("-1")
        with self.block(f"if {a} != {a} or {b} != {b}:"):
            self.line(f"{value} = 0")
        with self.block(f"elif {a} {node.op} {b}:"):
            self.line(f"{value} = 1")
        return value

    # ------------------------------------------------------------------ events
    @override
    def event(self, node: Node) -> Event:
        key = f"event {canonical(node)}"
        if key not in self._known:
            self._known[key] = self._event(node)
        found: Event = self._known[key]
        return found

    def _event(self, node: Node) -> Event:
        match node:
            case Named(node=inner):
                return self.event(inner)
            case Said():
                return mere(read_emitted(self, self._asked(node)[0]))
            case Call():
                lowering = FUNCTIONS[node.function].lowering
                assert isinstance(lowering, Happening)  # noqa: S101 (its type is event)
                return lowering.write(self, node)
            case Logic():
                return self._joined(node)
            case _:
                raise AssertionError(f"not an event: {canonical(node)}")

    def _joined(self, node: Logic) -> Event:
        """Of ``and`` the first event speaks for all, of ``or`` the first that is true."""
        truth = self._logic(node)
        events = [self.event(operand) for operand in node.operands if operand.type is Type.EVENT]
        if node.op == "and":
            return events[0]._replace(truth=truth)
        last = events[-1]
        told = [self.name(part) for part in last[1:]]
        for event in reversed(events[:-1]):
            with self.block(f"if {event.truth} == 1:"):
                for variable, part in zip(told, event[1:], strict=True):
                    self.line(f"{variable} = {part}")
        return Event(truth, *told)
