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


class Call(Form, frozen=True, kw_only=True):
    """A function of the table that is computed row by row; its indicators are :class:`Series`."""

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


Node: TypeAlias = (
    Const
    | Text
    | Price
    | Series
    | DayLevel
    | DayValue
    | Arithmetic
    | Negative
    | Call
    | Compare
    | Logic
    | Not
)
