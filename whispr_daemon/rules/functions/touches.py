"""Touches of a value by the path of a bar, or of a tick: touch, touch_new."""

from typing import Final, NamedTuple

from whispr_daemon.rules.column import Column
from whispr_daemon.rules.functions.function import Function, Happening, X
from whispr_daemon.rules.nodes import Call, Node, Type
from whispr_daemon.rules.source import Event, Source
from whispr_daemon.rules.tree import stands_still


class Path(NamedTuple):
    """From where to where a bar went, the jump from the previous close included.

    Of a tick it is the way from the price before.
    """

    low: str
    high: str


def touch(source: Source, call: Call) -> Event:
    """Write the event that ``min(low, close1) <= x <= max(high, close1)``. Memory: the close."""
    (touched,) = call.arguments
    last = source.new_float()
    x, path = source.number(touched), bar_path(source, last)
    truth = source.name("0")
    with source.block(f"if {source.ready(call)} and {x} == {x}:"):
        source.line(f"{truth} = 1 if {path.low} <= {x} <= {path.high} else -1")
    source.line(f"{last} = {source.column(_end(source))}")
    return Event(truth, "0", "0", level_of(touched, x))


def touch_new(source: Source, call: Call) -> Event:
    """Write the event that a bar touches x and the one before did not.

    Of a level it is asked whether the bar before touched it where it now stands. Of the first bar
    that touches it is na: what was before is not known. Memory: the close, then the path of the
    bar before, or of what moves whether it was touched.
    """
    (touched,) = call.arguments
    still = stands_still(touched)
    last = source.new_float()
    low, high = (source.new_float(), source.new_float()) if still else ("", "")
    before = "" if still else source.new_int(armed=True)
    x, path = source.number(touched), bar_path(source, last)
    truth = source.name("0")
    with source.block(f"if {source.ready(call)} and {x} == {x}:"):
        now = source.name(f"1 if {path.low} <= {x} <= {path.high} else -1")
        with source.block(f"if {now} == -1:"):
            source.line(f"{truth} = -1")
        if still:
            with source.block(f"elif {low} == {low}:"):
                source.line(f"{truth} = -1 if {low} <= {x} <= {high} else 1")
        else:
            with source.block(f"elif {before} != 0:"):
                source.line(f"{truth} = -{before}")
            source.line(f"{before} = {now}")
    if still:
        source.line(f"{low} = {path.low}")
        source.line(f"{high} = {path.high}")
    source.line(f"{last} = {source.column(_end(source))}")
    return Event(truth, "0", "0", level_of(touched, x))


def bar_path(source: Source, last: str) -> Path:
    """Write the path of a bar; ``last`` holds the previous close, NaN of the first bar."""
    ends = (_PRICE, _PRICE) if source.on_ticks else (_LOW, _HIGH)
    low, high = (source.name(source.column(end)) for end in ends)
    with source.block(f"if {last} < {low}:"):
        source.line(f"{low} = {last}")
    with source.block(f"if {last} > {high}:"):
        source.line(f"{high} = {last}")
    return Path(low, high)


def _end(source: Source) -> Column:
    """Return where a path ends, and the next begins."""
    return _PRICE if source.on_ticks else _CLOSE


def level_of(node: Node, x: str) -> str:
    """Return the level that an event speaks of, NAN if it is none."""
    return x if node.type is Type.LEVEL else "NAN"


_CLOSE: Final = Column("close")
_HIGH: Final = Column("high")
_LOW: Final = Column("low")
_PRICE: Final = Column("price")

TOUCHES: Final = (
    Function(
        "touch",
        (X,),
        Type.EVENT,
        Happening(touch),
        "min(low, previous close) <= x <= max(high, previous close)",
    ),
    Function(
        "touch_new",
        (X,),
        Type.EVENT,
        Happening(touch_new),
        "touch(x), and the bar before did not touch it; a level is asked for where it now stands",
    ),
)
