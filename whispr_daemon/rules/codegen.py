"""Typed trees to Python source over scalars and flat arrays, fit for numba as it stands.

Truth is an int: -1 false, 0 na, 1 true, so ``and`` is the smaller and ``or`` the larger. na is NaN.
Literals do not stand in the source but in a parameter array: rules that differ only in numbers have
the same source, and are compiled once.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from whispr_daemon.rules.column import Column, Need, day_key, needs_of
from whispr_daemon.rules.nodes import (
    Arithmetic,
    Compare,
    Const,
    Cross,
    DayLevel,
    DayValue,
    Logic,
    Negative,
    Node,
    Not,
    Price,
    Pure,
    Series,
    Type,
    canonical,
    stands_still,
)

TOLERANCE: Final = 1e-10  # of a cross: nearer than this is on no side (2.1)
_OPS: Final = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "==": "==", "!=": "!="}


class Event(NamedTuple):
    """The variables an event lives in: truth, direction (1, -1, 0), gap (0, 1), level."""

    truth: str
    direction: str
    gap: str
    level: str


class StateBlock(NamedTuple):
    """Where the state of one clause stands in a slot's row."""

    floats: slice
    ints: slice


class Source:
    """Source under construction: lines, the columns and literals they use, the state they need."""

    def __init__(self) -> None:
        """Start empty."""
        self.columns: list[Column] = []
        self.literals: list[float] = []
        self.needs: list[Need] = []
        self.floats = 0
        self.ints = 0
        self._lines: list[str] = []
        self._indent = 2
        self._names = 0
        self._known: dict[str, Any] = {}

    # ------------------------------------------------------------------ building
    def line(self, text: str) -> None:
        """Add one line at the present depth."""
        self._lines.append("    " * self._indent + text)

    def lines(self) -> str:
        """Return the body."""
        return "\n".join(self._lines)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Indent what follows under ``head``; what is computed there is not known after it."""
        self.line(head)
        self._indent += 1
        known = dict(self._known)
        yield
        self._known = known
        self._indent -= 1

    @contextmanager
    def own_state(self) -> Iterator[list[StateBlock]]:
        """Take state for one clause; what is computed within is not shared with others."""
        blocks: list[StateBlock] = []
        floats, ints, known = self.floats, self.ints, dict(self._known)
        yield blocks
        columns = {key: name for key, name in self._known.items() if key.startswith("column ")}
        self._known = {**known, **columns}
        blocks.append(StateBlock(slice(floats, self.floats), slice(ints, self.ints)))

    def name(self, value: str) -> str:
        """Bind a new variable to an expression."""
        self._names += 1
        variable = f"v{self._names}"
        self.line(f"{variable} = {value}")
        return variable

    def literal(self, value: float) -> str:
        """Return where a number stands in the parameters."""
        self.literals.append(value)
        return f"p{len(self.literals) - 1}"

    def column(self, column: Column) -> str:
        """Return the variable that holds this row's value of a column."""
        key = f"column {column}"
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

    # ------------------------------------------------------------------ values
    def number(self, node: Node) -> str:
        """Return the variable of a number; computed once however often it is asked for."""
        key = canonical(node)
        if key not in self._known:
            self._known[key] = self._number(node)
        return str(self._known[key])

    def _number(self, node: Node) -> str:
        match node:
            case Const(value=value):
                return self.literal(value)
            case Price(field=field):
                return self.column(Column(field))
            case Series():
                return self.column(Column(canonical(node)))
            case DayLevel(ratio=ratio, length=length):
                key = day_key(length)
                anchor, atr = self.column(Column(key, "anchor")), self.column(Column(key, "atr"))
                return self.name(f"{anchor} + {self.literal(ratio)} * {atr}")
            case DayValue():
                return self._day_value(node)
            case Arithmetic():
                return self._arithmetic(node)
            case Negative(operand=operand):
                return self.name(f"-{self.number(operand)}")
            case Pure():
                return self._pure(node)
            case _:
                return self.name(f"float({self.truth(node)})")

    def _day_value(self, node: DayValue) -> str:
        key = day_key(node.length)
        atr = self.column(Column(key, "atr"))
        if node.name == "atr":
            return atr
        if node.name == "pct":
            high, low = self.column(Column(key, "high")), self.column(Column(key, "low"))
            return self._quotient(f"100.0 * ({high} - {low})", atr)
        anchor, close = self.column(Column(key, "anchor")), self.column(Column("close"))
        return self._quotient(f"({close} - {anchor})", atr)

    def _quotient(self, above: str, below: str) -> str:
        return self.name(f"NAN if {below} == 0.0 else {above} / {below}")

    def _arithmetic(self, node: Arithmetic) -> str:
        left, right = self.number(node.left), self.number(node.right)
        if node.op == "/":
            value = self._quotient(left, right)
        else:
            value = self.name(f"{left} {node.op} {right}")
        with self.block(f"if {value} - {value} != 0.0:"):  # overflow (and NaN) is na
            self.line(f"{value} = NAN")
        return value

    def _pure(self, node: Pure) -> str:
        first, *rest = (self.number(argument) for argument in node.arguments)
        if node.function == "abs":
            return self.name(f"abs({first})")
        value = self.name(first)
        than = ">" if node.function == "max" else "<"
        for other in rest:
            with self.block(f"if {other} != {other} or {other} {than} {value}:"):
                self.line(f"{value} = {other}")
        return value

    # ------------------------------------------------------------------ truth
    def truth(self, node: Node) -> str:
        """Return the variable of a condition or of an event's truth."""
        if isinstance(node, Cross):
            return self.event(node).truth
        key = f"truth {canonical(node)}"
        if key not in self._known:
            self._known[key] = self._truth(node)
        return str(self._known[key])

    def _truth(self, node: Node) -> str:
        match node:
            case Const(value=value):
                return self.name(str(int(value)))
            case Compare():
                return self._compare(node)
            case Not(operand=operand):
                return self.name(f"-{self.truth(operand)}")
            case Logic(op=op, operands=operands):
                pick = min if op == "and" else max
                names = [self.truth(operand) for operand in operands]  # all of them, always
                return self.name(f"{pick.__name__}({', '.join(names)})")
            case _:
                raise AssertionError(f"not a condition: {canonical(node)}")

    def _compare(self, node: Compare) -> str:
        a, b = self.number(node.left), self.number(node.right)
        value = self.name("-1")
        with self.block(f"if {a} != {a} or {b} != {b}:"):
            self.line(f"{value} = 0")
        with self.block(f"elif {a} {_OPS[node.op]} {b}:"):
            self.line(f"{value} = 1")
        return value

    # ------------------------------------------------------------------ events
    def event(self, node: Node) -> Event:
        """Return the variables of an event."""
        key = f"event {canonical(node)}"
        if key not in self._known:
            self._known[key] = self._event(node)
        found: Event = self._known[key]
        return found

    def _event(self, node: Node) -> Event:
        if isinstance(node, Cross):
            return self._standing(node) if _mover(node) else self._moving(node)
        assert isinstance(node, Logic)  # noqa: S101 (the checker gives no other node this type)
        truth = self.truth(node)
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

    def _moving(self, node: Cross) -> Event:
        """Two series. Memory: the last strict side of a - b."""
        side_seen = self._int()
        truth, direction = self.name("0"), self.name("0")
        a, b = self.number(node.a), self.number(node.b)
        with self.block(f"if {self.warm(tuple(needs_of(node)))}:"):
            apart = self.name(f"{a} - {b}")
            with self.block(f"if {apart} == {apart}:"):
                self.line(f"{truth} = -1")
                side = self._side(apart)
                with self.block(f"if {side} != 0:"):
                    with self.block(f"if {side_seen} == -{side}{_only(node.way, side)}:"):
                        self.line(f"{truth} = 1")
                        self.line(f"{direction} = {side}")
                    self.line(f"{side_seen} = {side}")
        return Event(truth, direction, "0", "NAN")

    def _standing(self, node: Cross) -> Event:
        """A mover and a level: sides are taken of where the level now stands (2.2).

        Memory: the last strict side; the mover's last value, the last one apart from that (for
        when the level steps onto the last), and the level.
        """
        moves_first = _mover(node) is node.a
        moving, still = (node.a, node.b) if moves_first else (node.b, node.a)
        truth, direction, gap = self.name("0"), self.name("0"), self.name("0")
        if stands_still(moving):
            return self._both_still(node, truth)
        last, apart_from_last, level_seen = self._float(), self._float(), self._float()
        side_seen = self._int()
        x, level = self.number(moving), self.number(still)
        is_price = isinstance(moving, Price) and moving.field == "close"
        opening = self.column(Column("open")) if is_price else x
        known = is_price or still.type is Type.LEVEL
        with self.block(f"if {self.warm(tuple(needs_of(node)))}:"):
            apart = self.name(f"{x} - {level}")
            with self.block(f"if {apart} == {apart}:"):
                self.line(f"{truth} = -1")
                before = self.name(side_seen)
                with self.block(f"if {before} != 0 and {level} != {level_seen}:"):
                    self.line(f"{before} = {self._side(f'{last} - {level}')}")
                    with self.block(f"if {before} == 0:"):
                        self.line(f"{before} = {self._side(f'{apart_from_last} - {level}')}")
                self.line(f"{level_seen} = {level}")
                side = self._side(apart)
                with self.block(f"if {side} != 0:"):
                    way = _only(node.way, side if moves_first else f"-{side}")
                    with self.block(f"if {before} == -{side}{way}:"):
                        self.line(f"{truth} = 1")
                        self.line(f"{direction} = {side}")
                        if is_price:
                            beyond = f"({opening} - {level}) * {side} > {TOLERANCE}"
                            was = f"({last} - {level}) * {side} > {TOLERANCE}"
                            with self.block(f"if {beyond} and not {was}:"):
                                self.line(f"{gap} = 1")
                    self.line(f"{before} = {side}")
                self.line(f"{side_seen} = {before}")
        with self.block(f"if {x} == {x} and {self.warm(tuple(needs_of(moving)))}:"):
            with self.block(f"if not abs({x} - {last}) <= {TOLERANCE}:"):
                self.line(f"{apart_from_last} = {last}")
            self.line(f"{last} = {x}")
        return Event(truth, direction, gap, level if known else "NAN")

    def _both_still(self, node: Cross, truth: str) -> Event:
        a, b = self.number(node.a), self.number(node.b)
        with self.block(f"if {a} - {b} == {a} - {b}:"):
            self.line(f"{truth} = -1")
        return Event(truth, "0", "0", "NAN")

    def _side(self, apart: str) -> str:
        value = self.name(apart)
        return self.name(f"1 if {value} > {TOLERANCE} else (-1 if {value} < -{TOLERANCE} else 0)")

    def memory(self) -> str:
        """Take one int of state; 0 at first."""
        return self._int()

    def _int(self) -> str:
        self.ints += 1
        return f"I[i + {self.ints - 1}]"

    def _float(self) -> str:
        self.floats += 1
        return f"F[f + {self.floats - 1}]"


def _mover(node: Cross) -> Node | None:
    """Return the operand that moves against a level or constant; None if both are series."""
    if stands_still(node.b):
        return node.a
    return node.b if stands_still(node.a) else None


def _only(way: str, side: str) -> str:
    """Return the test that ``a`` went the way asked for; ``side`` is where it went."""
    return {"any": "", "up": f" and {side} == 1", "down": f" and {side} == -1"}[way]
