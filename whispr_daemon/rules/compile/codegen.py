"""Typed trees to the lines of a step function."""

from typing import Final

from typing_extensions import override

from whispr_daemon.rules.column import Column, level_key
from whispr_daemon.rules.functions.function import Happening, Written
from whispr_daemon.rules.functions.table import FUNCTIONS
from whispr_daemon.rules.functions.warmth import needs_of
from whispr_daemon.rules.nodes import (
    Arithmetic,
    Call,
    Compare,
    Const,
    Level,
    LevelValue,
    Logic,
    Negative,
    Node,
    Not,
    Price,
    Series,
    Type,
)
from whispr_daemon.rules.source import Event, Source
from whispr_daemon.rules.tree import canonical

_OPS: Final = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "==": "==", "!=": "!="}


class Translation(Source):
    """Source that knows what nodes mean. What it has computed once it does not compute again."""

    @override
    def ready(self, node: Node) -> str:
        return self.warm(tuple(needs_of(node)))

    # ------------------------------------------------------------------ numbers
    @override
    def number(self, node: Node) -> str:
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
            case Level():
                return self._level(node)
            case LevelValue():
                return self._level_value(node)
            case Arithmetic():
                return self._arithmetic(node)
            case Negative(operand=operand):
                return self.name(f"-{self.number(operand)}")
            case Call(type=Type.NUM | Type.LEVEL):
                return self._written(node)
            case _:
                return self.name(f"float({self.truth(node)})")

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
        if node.op == "/":
            value = self.quotient(left, right)
        else:
            value = self.name(f"{left} {node.op} {right}")
        with self.block(f"if {value} - {value} != 0.0:"):  # overflow (and NaN) is na
            self.line(f"{value} = NAN")
        return value

    def _written(self, node: Call) -> str:
        lowering = FUNCTIONS[node.function].lowering
        assert isinstance(lowering, Written)  # noqa: S101 (else the checker made it no Call)
        return lowering.write(self, node)

    # ------------------------------------------------------------------ truth
    @override
    def truth(self, node: Node) -> str:
        if isinstance(node, Call) and node.type is Type.EVENT:
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
                pick = "min" if op == "and" else "max"
                names = [self.truth(operand) for operand in operands]  # all of them, always
                return self.name(f"{pick}({', '.join(names)})")
            case Call():
                return self._written(node)
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
    @override
    def event(self, node: Node) -> Event:
        key = f"event {canonical(node)}"
        if key not in self._known:
            self._known[key] = self._event(node)
        found: Event = self._known[key]
        return found

    def _event(self, node: Node) -> Event:
        if isinstance(node, Call):
            lowering = FUNCTIONS[node.function].lowering
            assert isinstance(lowering, Happening)  # noqa: S101 (its type is event)
            return lowering.write(self, node)
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
