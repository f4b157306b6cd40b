"""Parse tree in; typed tree out, with every mistake named."""

from collections.abc import Sequence
from typing import Literal, cast

from lark import Token, Tree

from whispr_daemon.rules.diagnostics import Finding, suggestion
from whispr_daemon.rules.names import (
    FUNCTIONS,
    LATER_FUNCTIONS,
    LATER_SPACES,
    MAX_LENGTH,
)
from whispr_daemon.rules.nodes import (
    Arithmetic,
    Compare,
    Const,
    Cross,
    DayLevel,
    Logic,
    Negative,
    Node,
    Not,
    Pure,
    Series,
    Text,
    Type,
    stands_still,
)
from whispr_daemon.rules.parse import SyntaxRefusedError, parse
from whispr_daemon.rules.scope import (
    RefusedError,
    Scope,
    Span,
    atr_node,
    indicator,
    level_node,
    name_node,
    not_yet,
)

_NUMBERS = (Type.NUM, Type.LEVEL)
_TRUTHS = (Type.BOOL, Type.EVENT)
_DURATIONS = {
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86400 * 10**9,
    "w": 7 * 86400 * 10**9,
}
_WAYS: dict[str, Literal["any", "up", "down"]] = {
    "cross": "any",
    "x_any": "any",
    "cross_up": "up",
    "x_up": "up",
    "cross_down": "down",
    "x_down": "down",
}
_OPERATORS = {"add": "+", "sub": "-", "mul": "*", "div": "/"}


class Checked:
    """What came of one expression: a node, unless there are errors among the findings."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.node: Node | None = None
        self.findings: list[Finding] = []


def check_condition(text: str, scope: Scope) -> Checked:
    """Check an expression that must be a condition or an event."""
    checked = check(text, scope)
    node = checked.node
    if node is not None and node.type not in _TRUTHS:
        checked.findings.append(_condition_needed(node))
        checked.node = None
    return checked


def check(text: str, scope: Scope) -> Checked:
    """Check an expression of any type."""
    checked = Checked()
    try:
        tree = parse(text)
    except SyntaxRefusedError as error:
        checked.findings.append(error.finding)
        return checked
    checker = _Checker(scope)
    node = checker.visit(tree)
    checked.findings = checker.findings
    if not any(finding.severity == "error" for finding in checker.findings):
        checked.node = node
    return checked


def _condition_needed(node: Node) -> Finding:
    message = f"a condition is needed here, this is a {node.type}"
    return Finding(start=node.start, code="E304", message=message)


class _Checker:
    """One pass over a parse tree. ``visit`` returns None where a mistake has been reported."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.findings: list[Finding] = []

    def visit(self, tree: Tree[Token]) -> Node | None:
        try:
            return self._visit(tree)
        except RefusedError as error:
            self.findings.append(error.finding)
            return None

    def _visit(self, tree: Tree[Token]) -> Node | None:
        span = _span(tree)
        match tree.data:
            case "number" | "percent" | "duration" | "time" | "string" | "param":
                return _literal(str(tree.data), str(tree.children[0]), span)
            case "name":
                return name_node(str(tree.children[0]), span)
            case "attr" | "method" | "at_tf" | "hist" | "call":
                return self._read(tree, span)
            case "or_expr" | "and_expr":
                return self._logic("or" if tree.data == "or_expr" else "and", tree, span)
            case "not_":
                return self._not(tree, span)
            case "compare" | "in_":
                return self._comparison(tree, span)
            case "x_any" | "x_up" | "x_down":
                return self._cross(_WAYS[str(tree.data)], _subtrees(tree), span)
            case "neg" | "add" | "sub" | "mul" | "div":
                return self._arithmetic(tree, span)
            case other:
                raise AssertionError(f"the grammar has a node this checker does not know: {other}")

    # ------------------------------------------------------------------ names
    def _read(self, tree: Tree[Token], span: Span) -> Node | None:
        match tree.data:
            case "at_tf":
                return self._at_timeframe(tree, span)
            case "hist":
                return self._history(tree, span)
            case "call":
                return self._call(tree, span)
            case _:
                return self._dotted(tree, span)

    def _dotted(self, tree: Tree[Token], span: Span) -> Node | None:
        base, parts = _chain(tree)
        if base is None:
            raise not_yet(f"'.{parts[-1]}' of an expression", span.start)
        if base.lower() != "atr":
            if base.lower() in LATER_SPACES:
                raise not_yet(".".join((base, *parts)), span.start)
            raise RefusedError(
                span.start,
                "E201",
                f"unknown name {base!r}{suggestion(base, ('atr', *LATER_SPACES))}",
            )
        if tree.data == "attr":
            return atr_node(parts, span, self.scope)
        return self._level(parts, tree, span)

    def _level(self, parts: list[str], tree: Tree[Token], span: Span) -> Node | None:
        """``atr.level(0.40)``, ``atr.day.level(-1.1)``."""
        written = ".".join(("atr", *parts))
        if [part.lower() for part in parts if part.lower() != "day"] != ["level"]:
            raise RefusedError(span.start, "E220", f"unknown function {written!r}")
        ratio = self._only_argument(tree, written, span)
        if ratio is None:
            return None
        value = _constant_value(ratio)
        if value is None or ratio.type is not Type.NUM:
            message = f"{written} takes a ratio written as a number, e.g. {written}(0.40)"
            raise RefusedError(ratio.start, "E305", message)
        return level_node(f"{written}({value:g})", value, span, self.scope)

    def _only_argument(self, tree: Tree[Token], written: str, span: Span) -> Node | None:
        arguments = _arguments(tree)
        if len(arguments) != 1:
            message = f"{written} takes 1 argument, not {len(arguments)}"
            raise RefusedError(span.start, "E221", message)
        return self.visit(arguments[0])

    def _at_timeframe(self, tree: Tree[Token], span: Span) -> Node | None:
        inner, timeframe = cast("tuple[Tree[Token], Token]", tuple(tree.children))
        if str(timeframe) != self.scope.timeframe:
            raise not_yet(f"another timeframe (@{timeframe})", span.start)
        return self.visit(inner)

    def _history(self, tree: Tree[Token], span: Span) -> Node | None:
        inner, back = cast("tuple[Tree[Token], Token]", tuple(tree.children))
        node = self._number(inner, "[…]")
        if not back.isdigit() or int(back) > MAX_LENGTH:
            message = f"[{back}]: bars back are a whole number, at most {MAX_LENGTH}"
            raise RefusedError(span.start, "E305", message)
        if node is None or back == "0":
            return node
        if node.type is Type.LEVEL:
            raise not_yet("an earlier value of a level", span.start)
        return Series(
            type=Type.NUM,
            start=span.start,
            end=span.end,
            function="hist",
            length=int(back),
            source=node,
        )

    # ------------------------------------------------------------------ functions
    def _call(self, tree: Tree[Token], span: Span) -> Node | None:
        name = str(tree.children[0])
        lower = name.lower()
        arguments = _arguments(tree)
        if lower not in FUNCTIONS:
            for argument in arguments:
                self.visit(_value(argument))
            if lower in LATER_FUNCTIONS:
                raise not_yet(f"the function {name!r}", span.start)
            hint = suggestion(name, (*FUNCTIONS, *LATER_FUNCTIONS))
            raise RefusedError(span.start, "E220", f"unknown function {name!r}{hint}")
        for argument in arguments:
            if argument.data == "kwarg":
                message = f"{lower} takes its arguments by place, not by name"
                raise RefusedError(_span(argument).start, "E222", message)
        _check_count(lower, len(arguments), span)
        if lower in _WAYS:
            return self._cross(_WAYS[lower], arguments, span)
        if lower in ("abs", "min", "max"):
            return self._pure(lower, arguments, span)
        return self._indicator(lower, arguments, span)

    def _pure(self, name: str, arguments: list[Tree[Token]], span: Span) -> Node | None:
        nodes = [self._number(argument, name) for argument in arguments]
        found = [node for node in nodes if node is not None]
        if len(found) < len(nodes):
            return None
        return Pure(
            type=_number_type(found),
            start=span.start,
            end=span.end,
            function=name,
            arguments=tuple(found),
        )

    def _indicator(self, name: str, arguments: list[Tree[Token]], span: Span) -> Node | None:
        if name == "tr":
            return Series(type=Type.NUM, start=span.start, end=span.end, function="tr", length=1)
        source = self._number(arguments[0], name) if len(arguments) == 2 else None
        length = self.visit(arguments[-1])
        if length is None or (len(arguments) == 2 and source is None):
            return None
        bars = _constant_value(length)
        if bars is None or bars != int(bars):
            message = f"{name} takes its length as a whole number"
            raise RefusedError(length.start, "E305", message)
        return indicator(name, int(bars), span, source)

    def _cross(
        self,
        way: Literal["any", "up", "down"],
        operands: Sequence[Tree[Token]],
        span: Span,
    ) -> Node | None:
        a, b = (self._number(operand, "cross") for operand in operands)
        if a is None or b is None:
            return None
        if stands_still(a) and stands_still(b):
            message = "two levels never cross: a level is compared at its present value"
            self._notice(span.start, "W302", message, "warning")
        if way == "any":
            for level in (a, b):
                self._one_sided(level)
        return Cross(type=Type.EVENT, start=span.start, end=span.end, way=way, a=a, b=b)

    def _one_sided(self, level: Node) -> None:
        if not isinstance(level, DayLevel) or level.ratio == 0:
            return
        side, mirror = ("upper", "down") if level.ratio > 0 else ("lower", "up")
        verb = "cross_up" if level.ratio > 0 else "cross_down"
        message = (
            f"{level.name} is the {side} {level.ratio * 100:+g} % level only; mirror: "
            f"{_mirror(level.name, mirror)}. Fires in both directions; for 'golden gate opened' "
            f"write {verb}(price, {level.name}). Consider once: session."
        )
        self._notice(level.start, "W201", message, "info")

    # ------------------------------------------------------------------ operators
    def _arithmetic(self, tree: Tree[Token], span: Span) -> Node | None:
        nodes = [self._number(child, "arithmetic") for child in _subtrees(tree)]
        found = [node for node in nodes if node is not None]
        if len(found) < len(nodes):
            return None
        kind = _number_type(found)
        if tree.data == "neg":
            return Negative(type=kind, start=span.start, end=span.end, operand=found[0])
        return Arithmetic(
            type=kind,
            start=span.start,
            end=span.end,
            op=_OPERATORS[str(tree.data)],
            left=found[0],
            right=found[1],
        )

    def _comparison(self, tree: Tree[Token], span: Span) -> Node | None:
        if tree.data == "in_":
            operand, choices = _subtrees(tree)
            pairs = [("==", operand, choice) for choice in _subtrees(choices)]
        else:
            parts = tree.children
            pairs = [
                (
                    str(parts[at]),
                    *cast("tuple[Tree[Token], Tree[Token]]", (parts[at - 1], parts[at + 1])),
                )
                for at in range(1, len(parts), 2)
            ]
        nodes = {id(part): self.visit(part) for _, *both in pairs for part in both}
        found = [
            self._compare(op, nodes[id(left)], nodes[id(right)], span) for op, left, right in pairs
        ]
        complete = tuple(node for node in found if node is not None)
        if len(complete) < len(found):
            return None
        if len(complete) == 1:
            return complete[0]
        joined: Literal["and", "or"] = "or" if tree.data == "in_" else "and"
        return Logic(type=Type.BOOL, start=span.start, end=span.end, op=joined, operands=complete)

    def _compare(self, op: str, left: Node | None, right: Node | None, span: Span) -> Node | None:
        if left is None or right is None:
            return None
        kinds = {Type.NUM if side.type is Type.LEVEL else side.type for side in (left, right)}
        if len(kinds) > 1:
            message = f"cannot compare {left.type} with {right.type}"
            raise RefusedError(span.start, "E303", message)
        (kind,) = kinds
        if kind in _TRUTHS:
            raise RefusedError(
                span.start, "E303", f"cannot compare a {kind} (use 'and', 'or', 'not')"
            )
        if kind is not Type.NUM:
            raise not_yet(f"a comparison of {kind}", span.start)
        return Compare(
            type=Type.BOOL, start=span.start, end=span.end, op=op, left=left, right=right
        )

    def _logic(self, op: Literal["and", "or"], tree: Tree[Token], span: Span) -> Node | None:
        nodes = [self._truth(child) for child in _subtrees(tree)]
        found = tuple(node for node in nodes if node is not None)
        if len(found) < len(nodes):
            return None
        events = [node.type is Type.EVENT for node in found]
        kind = Type.EVENT if all(events) or (op == "and" and any(events)) else Type.BOOL
        if op == "or" and any(events) and not all(events):
            message = "'or' mixes an event (cross/touch) with a lasting condition"
            self._notice(span.start, "W301", message, "warning")
        return Logic(type=kind, start=span.start, end=span.end, op=op, operands=found)

    def _not(self, tree: Tree[Token], span: Span) -> Node | None:
        (child,) = _subtrees(tree)
        node = self._truth(child)
        if node is None:
            return None
        return Not(type=Type.BOOL, start=span.start, end=span.end, operand=node)

    # ------------------------------------------------------------------ types
    def _number(self, tree: Tree[Token], where: str) -> Node | None:
        node = self.visit(tree)
        if node is None or node.type in _NUMBERS:
            return node
        message = f"{where} needs a number here, this is a {node.type}"
        self.findings.append(Finding(start=node.start, code="E301", message=message))
        return None

    def _truth(self, tree: Tree[Token]) -> Node | None:
        node = self.visit(tree)
        if node is None or node.type in _TRUTHS:
            return node
        self.findings.append(_condition_needed(node))
        return None

    def _notice(
        self, start: int, code: str, message: str, severity: Literal["warning", "info"]
    ) -> None:
        self.findings.append(Finding(start=start, code=code, message=message, severity=severity))


def _literal(kind: str, text: str, span: Span) -> Node:
    start, end = span
    match kind:
        case "number":
            return Const(type=Type.NUM, start=start, end=end, value=float(text))
        case "percent":
            return Const(type=Type.NUM, start=start, end=end, value=float(text[:-1]) / 100)
        case "time":
            hours, minutes = text.split(":")
            if int(hours) > 23 or int(minutes) > 59:
                raise RefusedError(start, "E102", f"{text} is not a time of day")
            value = int(hours) * 60 + int(minutes)
            return Const(type=Type.TIME, start=start, end=end, value=float(value))
        case "duration":
            return _duration(text, span)
        case "string":
            return Text(type=Type.STR, start=start, end=end, value=text[1:-1])
        case _:
            raise RefusedError(start, "E202", f"unknown parameter {text!r}")


def _duration(text: str, span: Span) -> Node:
    unit = text.lstrip("0123456789")
    if unit not in _DURATIONS:
        raise not_yet(f"a duration in {unit!r}", span.start)
    value = int(text.removesuffix(unit)) * _DURATIONS[unit]
    return Const(type=Type.DUR, start=span.start, end=span.end, value=float(value))


def _number_type(operands: Sequence[Node]) -> Type:
    """Levels and constants make a level; anything that moves makes a number."""
    levels = any(node.type is Type.LEVEL for node in operands)
    return Type.LEVEL if levels and all(map(stands_still, operands)) else Type.NUM


def _constant_value(node: Node) -> float | None:
    match node:
        case Const(value=value):
            return value
        case Negative(operand=operand):
            inner = _constant_value(operand)
            return None if inner is None else -inner
        case _:
            return None


def _check_count(name: str, count: int, span: Span) -> None:
    least, most = FUNCTIONS[name]
    if least <= count <= most:
        return
    wanted = str(least) if least == most else f"{least} to {most}"
    plural = "" if wanted == "1" else "s"
    message = f"{name} takes {wanted} argument{plural}, not {count}"
    raise RefusedError(span.start, "E221", message)


def _chain(tree: Tree[Token]) -> tuple[str | None, list[str]]:
    """Split ``a.b.c`` into ``a`` and [b, c]; the base is None if it is not a name."""
    parts: list[str] = []
    node = tree
    while node.data in ("attr", "method"):
        parts.insert(0, str(node.children[1]))
        node = cast("Tree[Token]", node.children[0])
    return (str(node.children[0]) if node.data == "name" else None), parts


def _mirror(name: str, side: str) -> str:
    """Return how the level on the other side is written."""
    if "(" in name:
        base, ratio = name.rstrip(")").split("(")
        return f"{base}({-float(ratio):g})"
    head, _, last = name.rpartition(".")
    if last in ("up", "down"):
        return f"{head}.{side}"
    if last.lstrip("-").isdigit():
        return f"{head}.{last.removeprefix('-')}" if last.startswith("-") else f"{head}.-{last}"
    return f"{name}.{side}"


def _arguments(tree: Tree[Token]) -> list[Tree[Token]]:
    for child in tree.children:
        if isinstance(child, Tree) and child.data == "args":
            return _subtrees(child)
    return []


def _value(argument: Tree[Token]) -> Tree[Token]:
    return _subtrees(argument)[0] if argument.data == "kwarg" else argument


def _subtrees(tree: Tree[Token]) -> list[Tree[Token]]:
    return [child for child in tree.children if isinstance(child, Tree)]


def _span(tree: Tree[Token]) -> Span:
    return Span(tree.meta.start_pos, tree.meta.end_pos)
