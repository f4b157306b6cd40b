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


Mode: TypeAlias = Literal["day", "multiday", "swing", "position", "longterm", "scalp"]


class Ladder(msgspec.Struct, frozen=True, kw_only=True):
    """Which period a level is of, and how its anchor and ATR are taken (``inputs.atr``)."""

    mode: Mode = "day"
    length: int = 14  # of the ATR, in periods
    session: Literal["rth", "eth"] = "rth"
    anchor: Literal["official", "last_trade"] = "official"
    use_current_close: bool = False
    rounding: Literal["none", "cents"] = "none"


class Form(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What all nodes share: a type and the characters [start, end) of the expression.

    A str is a number at work: the index of its value in ``words``. A tree holds none of its own
    parents, so none is the garbage collector's business; 10,000 rules have 360,000 nodes.
    """

    type: Type
    start: int
    end: int
    words: tuple[str, ...] = ()


class Const(Form, frozen=True, kw_only=True):
    """A literal: a number, a duration in ns, a time of day in minutes, na (NaN), true 1, false -1.

    Of a str: the index in ``words``.
    """

    value: float


class Text(Form, frozen=True, kw_only=True):
    """A literal in quotes, where it is an argument; compared with a str it becomes a Const."""

    value: str


class Parameter(Form, frozen=True, kw_only=True):
    """``$name``: a number that deployments and tests may set; the same on every bar."""

    name: str
    value: float


class Price(Form, frozen=True, kw_only=True):
    """A field of the bar just closed: open high low close volume hl2 hlc3 ohlc4.

    ``price`` is the close, or in tick evaluation the price of the tick.
    """

    field: str


class Series(Form, frozen=True, kw_only=True):
    """An indicator: a value per bar that depends on earlier bars. ``hist`` is ``x[n]``."""

    function: str
    numbers: tuple[float, ...] = ()  # its lengths and factors
    source: "Node | None" = None  # None: it reads the whole bar
    others: tuple["Node", ...] = ()  # further sources, of a plug-in

    @property
    def length(self) -> int:
        """The first of its numbers; 1 where it has none."""
        return int(self.numbers[0]) if self.numbers else 1


class Level(Form, frozen=True, kw_only=True):
    """``anchor + ratio * ATR`` of the period before. ``name`` is how it was written."""

    name: str
    ratio: float
    ladder: Ladder


class LevelValue(Form, frozen=True, kw_only=True):
    """Another value of the levels: ``atr`` (the ATR used), ``pct``, ``pos``."""

    name: str
    ladder: Ladder


class SessionValue(Form, frozen=True, kw_only=True):
    """Of sessions: ``session.open|high|low|vwap|gap``, ``prev.close|high|low``,
    ``premarket.high|low``, ``opening_range.high|low``."""

    name: str
    minutes: int = 0  # of an opening range


class ClockValue(Form, frozen=True, kw_only=True):
    """Of the moment of evaluation: ``time date weekday minutes_since_open minutes_to_close
    bar_index is_rth is_half_day``."""

    name: str


class PortfolioValue(Form, frozen=True, kw_only=True):
    """``position.*``, ``account.*``, ``orders.*`` after the last fill; na while there is none."""

    name: str


class Variable(Form, frozen=True, kw_only=True):
    """A name of ``vars``: state of the rule, per symbol."""

    name: str


class Said(Form, frozen=True, kw_only=True):
    """What is known of a signal: ``emitted``, ``since`` or ``count``.

    ``scope`` of a count: ``session``, ``day``, or a duration in ns.
    """

    question: Literal["emitted", "since", "count"]
    signal: str
    scope: Literal["session", "day"] | int = "session"


class AsOf(Form, frozen=True, kw_only=True):
    """The last completed value of another timeframe or symbol: ``EMA13@5m``, ``spy.close``.

    ``node`` is meant on bars of ``timeframe`` of ``symbol`` (empty: the rule's own).
    """

    node: "Node"
    timeframe: str
    symbol: str = ""
    alias: str = ""  # how the symbol was written


class Forming(Form, frozen=True, kw_only=True):
    """``forming(x)``: a value that includes the bar of ``timeframe`` not yet complete."""

    node: "Node"
    timeframe: str


class Named(Form, frozen=True, kw_only=True):
    """An entry of ``let`` by its name, or a call that the rule language itself defines."""

    name: str
    node: "Node"
    built_in: bool = False  # a call: macd(12, 26, 9).hist


class Arithmetic(Form, frozen=True, kw_only=True):
    """``left op right``, op one of + - * /. A quotient by 0 is na.

    ``quiet``: it stands in the definition of a built-in, where na is no mistake of the rule's.
    """

    op: str
    left: "Node"
    right: "Node"
    quiet: bool = False


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
    | Parameter
    | Price
    | Series
    | Level
    | LevelValue
    | SessionValue
    | ClockValue
    | PortfolioValue
    | Variable
    | Said
    | AsOf
    | Forming
    | Named
    | Arithmetic
    | Negative
    | Call
    | Compare
    | Logic
    | Not
)
