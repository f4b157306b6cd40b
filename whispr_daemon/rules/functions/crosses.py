"""Crosses: cross, cross_up, cross_down."""

from collections.abc import Callable, Iterator
from typing import Final, Literal, TypeAlias

from whispr_daemon.rules.column import Column
from whispr_daemon.rules.diagnostics import Finding
from whispr_daemon.rules.functions.function import Accepts, Function, Happening, Parameter
from whispr_daemon.rules.names import mirrored
from whispr_daemon.rules.nodes import Call, Level, Named, Node, Price, Type
from whispr_daemon.rules.source import Event, Source
from whispr_daemon.rules.tree import stands_still

TOLERANCE: Final = 1e-10  # nearer than this is on no side (2.1)

Way: TypeAlias = Literal["any", "up", "down"]


def cross(way: Way) -> Callable[[Source, Call], Event]:
    """Return the writer of the event that ``a`` crosses ``b`` this way."""

    def write(source: Source, call: Call) -> Event:
        a, b = call.arguments
        if stands_still(a) and stands_still(b):
            return _both_still(source, call)
        if stands_still(a) or stands_still(b):
            return _standing(source, call, way)
        return _moving(source, call, way)

    return write


def _moving(source: Source, call: Call, way: Way) -> Event:
    """Two series. Memory: the last strict side of a - b."""
    side_seen = source.new_int(armed=True)
    truth, direction = source.name("0"), source.name("0")
    a, b = (source.number(argument) for argument in call.arguments)
    with source.block(f"if {source.ready(call)}:"):
        apart = source.name(f"{a} - {b}")
        with source.block(f"if {apart} == {apart}:"):
            source.line(f"{truth} = -1")
            side = _side(source, apart)
            with source.block(f"if {side} != 0:"):
                with source.block(f"if {side_seen} == -{side}{_only(way, side)}:"):
                    source.line(f"{truth} = 1")
                    source.line(f"{direction} = {side}")
                source.line(f"{side_seen} = {side}")
    return Event(truth, direction, "0", "NAN")


def _standing(source: Source, call: Call, way: Way) -> Event:
    """A mover and a level: sides are taken of where the level now stands (2.2).

    Memory: the last strict side; the mover's last value, the last one apart from that (for
    when the level steps onto the last), and the level.
    """
    moves_first = stands_still(call.arguments[1])
    moving, still = call.arguments if moves_first else call.arguments[::-1]
    truth, direction, gap = source.name("0"), source.name("0"), source.name("0")
    last, apart_from_last, level_seen = (source.new_float() for _ in range(3))
    side_seen = source.new_int(armed=True)
    x, level = source.number(moving), source.number(still)
    priced = is_price(moving)
    opening = source.column(Column("open")) if priced else x
    with source.block(f"if {source.ready(call)}:"):
        apart = source.name(f"{x} - {level}")
        with source.block(f"if {apart} == {apart}:"):
            source.line(f"{truth} = -1")
            before = source.name(side_seen)
            with source.block(f"if {level_seen} == {level_seen} and {level} != {level_seen}:"):
                source.line(f"{before} = {_side(source, f'{last} - {level}')}")
                with source.block(f"if {before} == 0:"):
                    source.line(f"{before} = {_side(source, f'{apart_from_last} - {level}')}")
            source.line(f"{level_seen} = {level}")
            side = _side(source, apart)
            with source.block(f"if {side} != 0:"):
                only = _only(way, side if moves_first else f"-{side}")
                with source.block(f"if {before} == -{side}{only}:"):
                    source.line(f"{truth} = 1")
                    source.line(f"{direction} = {side}")
                    if priced:
                        beyond = f"({opening} - {level}) * {side} > {TOLERANCE}"
                        was = f"({last} - {level}) * {side} > {TOLERANCE}"
                        with source.block(f"if {beyond} and not {was}:"):
                            source.line(f"{gap} = 1")
                source.line(f"{before} = {side}")
            source.line(f"{side_seen} = {before}")
    with source.block(f"if {x} == {x} and {source.ready(moving)}:"):
        with source.block(f"if not abs({x} - {last}) <= {TOLERANCE}:"):
            source.line(f"{apart_from_last} = {last}")
        source.line(f"{last} = {x}")
    known = priced or still.type is Type.LEVEL
    return Event(truth, direction, gap, level if known else "NAN")


def is_price(node: Node) -> bool:
    """Is it the close, of which the open says whether there was a gap, by whatever name?"""
    while isinstance(node, Named):
        node = node.node
    return isinstance(node, Price) and node.field == "close"


def _both_still(source: Source, call: Call) -> Event:
    truth = source.name("0")
    a, b = (source.number(argument) for argument in call.arguments)
    with source.block(f"if {a} - {b} == {a} - {b}:"):
        source.line(f"{truth} = -1")
    return Event(truth, "0", "0", "NAN")


def _side(source: Source, apart: str) -> str:
    value = source.name(apart)
    return source.name(f"1 if {value} > {TOLERANCE} else (-1 if {value} < -{TOLERANCE} else 0)")


def _only(way: Way, side: str) -> str:
    """Return the test that ``a`` went the way asked for; ``side`` is where it went."""
    return {"any": "", "up": f" and {side} == 1", "down": f" and {side} == -1"}[way]


def remarks(call: Call) -> Iterator[Finding]:
    """Yield what is odd about a cross, and what a trader may not expect of it."""
    if all(map(stands_still, call.arguments)):
        message = "two levels never cross: a level is compared at its present value"
        yield Finding(start=call.start, code="W302", message=message, severity="warning")
    if call.function == "cross":
        for argument in call.arguments:
            yield from _one_sided(argument)


def _one_sided(level: Node) -> Iterator[Finding]:
    if not isinstance(level, Level) or level.ratio == 0:
        return
    side, verb = ("upper", "cross_up") if level.ratio > 0 else ("lower", "cross_down")
    message = (
        f"{level.name} is the {side} {level.ratio * 100:+g} % level only; mirror: "
        f"{mirrored(level.name, upper=level.ratio > 0)}. Fires in both directions; for "
        f"'golden gate opened' write {verb}(price, {level.name}). Consider once: session."
    )
    yield Finding(start=level.start, code="W201", message=message, severity="info")


_OPERANDS: Final = (Parameter("a", Accepts.NUMBER), Parameter("b", Accepts.NUMBER))

CROSSES: Final = (
    Function(
        "cross",
        _OPERANDS,
        Type.EVENT,
        Happening(cross("any")),
        "a and b change sides; a level is compared at its present value",
        remarks=remarks,
    ),
    Function(
        "cross_up",
        _OPERANDS,
        Type.EVENT,
        Happening(cross("up")),
        "a goes above b",
        remarks=remarks,
    ),
    Function(
        "cross_down",
        _OPERANDS,
        Type.EVENT,
        Happening(cross("down")),
        "a goes below b",
        remarks=remarks,
    ),
)
