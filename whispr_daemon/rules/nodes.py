"""The typed syntax tree of an expression: what the checker makes and the compiler reads."""

from enum import StrEnum
from typing import Literal, TypeAlias

import msgspec


class Type(StrEnum):
    """What a value is. A level is a number that stands still between its steps."""

    NUM = "num"
    LEVEL = "level"
    BOOL = "bool"
    EVENT = "event"
    DUR = "dur"
    TIME = "time"
    STR = "str"


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """What all nodes share: a type and the characters [start, end) of the expression."""

    type: Type
    start: int
    end: int


class Const(Form, frozen=True, kw_only=True):
    """A literal: a number, a duration in ns, a time of day in minutes, na (NaN)."""

    value: float


class Text(Form, frozen=True, kw_only=True):
    """A literal in quotes."""

    value: str


class Price(Form, frozen=True, kw_only=True):
    """A field of the bar just closed: open high low close volume hl2 hlc3 ohlc4."""

    field: str


class Series(Form, frozen=True, kw_only=True):
    """An indicator: a value per bar that depends on earlier bars. ``hist`` is ``x[length]``."""

    function: str
    length: int
    source: "Node | None" = None  # None: it reads the whole bar


class DayLevel(Form, frozen=True, kw_only=True):
    """``anchor + ratio * ATR`` of the day before. ``name`` is how it was written."""

    name: str
    ratio: float
    length: int  # of the ATR


class DayValue(Form, frozen=True, kw_only=True):
    """Another value of the day levels: ``atr`` (the ATR used), ``pct``, ``pos``."""

    name: str
    length: int


class Arithmetic(Form, frozen=True, kw_only=True):
    """``left op right``, op one of + - * /."""

    op: str
    left: "Node"
    right: "Node"


class Negative(Form, frozen=True, kw_only=True):
    """``-x``."""

    operand: "Node"


class Pure(Form, frozen=True, kw_only=True):
    """A function of numbers without memory: abs, min, max."""

    function: str
    arguments: tuple["Node", ...]


class Compare(Form, frozen=True, kw_only=True):
    """``left op right``, op one of < <= > >= == !=. na if either is."""

    op: str
    left: "Node"
    right: "Node"


class Logic(Form, frozen=True, kw_only=True):
    """Kleene ``and`` / ``or`` over all operands; none is skipped."""

    op: Literal["and", "or"]
    operands: tuple["Node", ...]


class Not(Form, frozen=True, kw_only=True):
    """Kleene ``not``: of na it is na."""

    operand: "Node"


class Cross(Form, frozen=True, kw_only=True):
    """``a`` crosses ``b``: any way, up or down."""

    way: Literal["any", "up", "down"]
    a: "Node"
    b: "Node"


Node: TypeAlias = (
    Const
    | Text
    | Price
    | Series
    | DayLevel
    | DayValue
    | Arithmetic
    | Negative
    | Pure
    | Compare
    | Logic
    | Not
    | Cross
)


def children(node: Node) -> tuple[Node, ...]:
    """Return the operands of a node, left to right."""
    match node:
        case Series(source=source):
            return () if source is None else (source,)
        case Arithmetic(left=left, right=right) | Compare(left=left, right=right):
            return (left, right)
        case Negative(operand=operand) | Not(operand=operand):
            return (operand,)
        case Pure(arguments=operands) | Logic(operands=operands):
            return operands
        case Cross(a=a, b=b):
            return (a, b)
        case _:
            return ()


def is_constant(node: Node) -> bool:
    """Is the value the same on every bar?"""
    if isinstance(node, Const | Text):
        return True
    below = children(node)
    return bool(below) and all(map(is_constant, below))


def stands_still(node: Node) -> bool:
    """Is it a level or a constant, so that a cross compares it at its present value (2.2)?"""
    return node.type is Type.LEVEL or is_constant(node)


def canonical(node: Node) -> str:  # noqa: C901 (one line a node)
    """Return a spelling that is equal for nodes that mean the same: the key of shared state."""
    match node:
        case Const(value=value):
            return repr(value)
        case Text(value=text):
            return repr(text)
        case Price(field=field):
            return field
        case Series(function=function, length=length, source=source):
            inner = "" if source is None else f"{canonical(source)},"
            return f"{function}({inner}{length})"
        case DayLevel(ratio=ratio, length=length):
            return f"level({ratio!r},{length})"
        case DayValue(name=name, length=length):
            return f"day.{name}({length})"
        case Arithmetic(op=op, left=a, right=b) | Compare(op=op, left=a, right=b):
            return f"({canonical(a)}{op}{canonical(b)})"
        case Negative(operand=operand):
            return f"(-{canonical(operand)})"
        case Not(operand=operand):
            return f"(not {canonical(operand)})"
        case Pure(function=function, arguments=arguments):
            return f"{function}({','.join(map(canonical, arguments))})"
        case Logic(op=op, operands=operands):
            return f"({f' {op} '.join(map(canonical, operands))})"
        case Cross(way=way, a=a, b=b):
            return f"cross_{way}({canonical(a)},{canonical(b)})"
