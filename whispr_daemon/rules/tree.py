"""Questions to a typed tree: its operands, its spelling, whether it stands still, its value."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from whispr_daemon.rules.nodes import (
    Arithmetic,
    AsOf,
    Call,
    ClockValue,
    Compare,
    Const,
    Forming,
    Ladder,
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
    Text,
    Type,
    Variable,
)

_OPERANDS: Final[Mapping[type[Any], Callable[[Any], tuple[Node, ...]]]] = {
    Series: lambda node: () if node.source is None else (node.source, *node.others),
    **dict.fromkeys((Arithmetic, Compare), lambda node: (node.left, node.right)),
    **dict.fromkeys((Negative, Not), lambda node: (node.operand,)),
    **dict.fromkeys((AsOf, Forming, Named), lambda node: (node.node,)),
    Call: lambda node: node.arguments,
    Logic: lambda node: node.operands,
}
_MOST_SPELLED: Final = 20_000  # nodes whose spelling is remembered

_spelled_nodes: dict[int, tuple[Node, str]] = {}  # by id; who is here keeps its id


def children(node: Node) -> tuple[Node, ...]:
    """Return the operands of a node, left to right."""
    operands = _OPERANDS.get(type(node))
    return () if operands is None else operands(node)


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and all below it, parents first, left to right."""
    todo = [node]
    while todo:
        one = todo.pop()
        yield one
        todo += reversed(children(one))


def said_in(nodes: Iterable[Node]) -> list[Said]:
    """Return what trees ask of signals."""
    found: list[Said] = []
    todo = list(nodes)
    while todo:
        node = todo.pop()
        operands = _OPERANDS.get(type(node))
        if operands is not None:
            todo += operands(node)
        elif isinstance(node, Said):
            found.append(node)
    return found


# Functions that remember evaluations: na at first, though what they are of is always the same.
REMEMBERING: Final = frozenset({"bars_since", "value_when", "count_true", "all_true", "any_true"})


def is_constant(node: Node) -> bool:
    """Is the value the same on every bar? ``touch(100)`` and ``ema(5, 3)`` are not."""
    if isinstance(node, Const | Text | Parameter):
        return True
    if isinstance(node, Series) or node.type is Type.EVENT:
        return False
    if isinstance(node, Call) and node.function in REMEMBERING:
        return False
    below = children(node)
    return bool(below) and all(map(is_constant, below))


def stands_still(node: Node) -> bool:
    """Is it a level or a constant, so that a cross compares it at its present value (2.2)?"""
    return node.type is Type.LEVEL or is_constant(node)


def canonical(node: Node) -> str:
    """Return a spelling that is equal for nodes that mean the same: the key of shared state."""
    known = _spelled_nodes.get(id(node))
    if known is None:
        if len(_spelled_nodes) >= _MOST_SPELLED:
            _spelled_nodes.clear()
        known = _spelled_nodes[id(node)] = node, _canonical(node)
    return known[1]


def _canonical(node: Node) -> str:  # noqa: C901, PLR0912 (one case a node)
    match node:  # first what there is most of
        case Const(value=value) | Parameter(value=value):
            return repr(value)
        case Price(field=field):
            return field
        case Series(function=function, numbers=numbers):
            inner = map(canonical, children(node))
            return f"{function}({','.join((*inner, *(f'{number:.17g}' for number in numbers)))})"
        case Arithmetic(op=op, left=a, right=b) | Compare(op=op, left=a, right=b):
            return f"({canonical(a)}{op}{canonical(b)})"
        case Call(function=function, arguments=arguments):
            return f"{function}({','.join(map(canonical, arguments))})"
        case Logic(op=op, operands=operands):
            return f"({f' {op} '.join(map(canonical, operands))})"
        case Level(ratio=ratio, ladder=ladder):
            return f"level({ratio!r},{spelled(ladder)})"
        case LevelValue(name=name, ladder=ladder):
            return f"level.{name}({spelled(ladder)})"
        case SessionValue(name=name, minutes=minutes):
            return f"{name}({minutes})" if minutes else name
        case ClockValue(name=name) | PortfolioValue(name=name):
            return name
        case Variable(name=name):
            return f"var {name}"
        case Said(question=question, signal=signal, scope=scope):
            return f"{question}({signal},{scope})"
        case AsOf(node=inner, timeframe=timeframe, symbol=symbol):
            return f"{symbol}:{canonical(inner)}@{timeframe}"
        case Forming(node=inner, timeframe=timeframe):
            return f"forming({canonical(inner)}@{timeframe})"
        case Named(node=inner):
            return canonical(inner)
        case Text(value=text):
            return repr(text)
        case Negative(operand=operand):
            return f"(-{canonical(operand)})"
        case Not(operand=operand):
            return f"(not {canonical(operand)})"


def spelled(ladder: Ladder) -> str:
    """Return the spelling of a ladder: the key of its state."""
    words: list[object] = [ladder.mode, ladder.length, ladder.session]
    words += [ladder.anchor] if ladder.anchor != "official" else []
    words += ["current"] if ladder.use_current_close else []
    words += [ladder.rounding] if ladder.rounding != "none" else []
    return ",".join(map(str, words))


def number_type(operands: Sequence[Node]) -> Type:
    """Return the type of arithmetic: levels and constants make a level, what moves a number."""
    levels = any(node.type is Type.LEVEL for node in operands)
    return Type.LEVEL if levels and all(map(stands_still, operands)) else Type.NUM


def constant_value(node: Node) -> float | None:
    """Return the value of a number written as such, with a sign or without; else None."""
    match node:
        case Const(type=Type.NUM, value=value) | Parameter(type=Type.NUM, value=value):
            return value
        case Negative(operand=operand):
            inner = constant_value(operand)
            return None if inner is None else -inner
        case _:
            return None
