"""TradingView's crosses for people who port scripts: crossover, crossunder."""

from collections.abc import Callable, Iterator
from typing import Final, Literal

from whispr_daemon.rules.column import Column
from whispr_daemon.rules.diagnostics import Finding
from whispr_daemon.rules.functions.crosses import is_price
from whispr_daemon.rules.functions.function import Accepts, Function, Happening, Parameter
from whispr_daemon.rules.functions.touches import level_of
from whispr_daemon.rules.nodes import Call, Type
from whispr_daemon.rules.source import Event, Source
from whispr_daemon.rules.tree import stands_still


def crossing(way: Literal["over", "under"]) -> Callable[[Source, Call], Event]:
    """Return the writer of ``ta.crossover`` or ``ta.crossunder``.

    a is beyond b now and was not on the last bar on which both were defined: exactly, without a
    tolerance, and a level as it stood then. Memory: whether it was not; the close, for gaps.
    """
    beyond, not_beyond = (">", "<=") if way == "over" else ("<", ">=")

    def write(source: Source, call: Call) -> Event:
        armed, last = source.new_int(armed=True), source.new_float()
        a, b = (source.number(argument) for argument in call.arguments)
        level_moves = stands_still(call.arguments[0]) and not stands_still(call.arguments[1])
        upward = (way == "over") is not level_moves
        truth, gap = source.name("0"), source.name("0")
        opening = _opening(source, call)
        with source.block(f"if {source.ready(call)} and {a} == {a} and {b} == {b}:"):
            source.line(f"{truth} = -1")
            with source.block(f"if {armed} == 1 and {a} {beyond} {b}:"):
                source.line(f"{truth} = 1")
                if opening:
                    level, sign = (a, b)[not level_moves], ">" if upward else "<"
                    with source.block(
                        f"if {opening} {sign} {level} and not {last} {sign} {level}:"
                    ):
                        source.line(f"{gap} = 1")
            source.line(f"{armed} = 1 if {a} {not_beyond} {b} else 0")
        source.line(f"{last} = {source.column(Column('close'))}")
        level = next(filter(_is_level, map(level_of, call.arguments, (a, b))), "NAN")
        return Event(truth, "1" if upward else "-1", gap, level)

    return write


def _opening(source: Source, call: Call) -> str:
    """Return the open, where it is the price that crosses something that stands still."""
    still = [stands_still(argument) for argument in call.arguments]
    if still not in ([True, False], [False, True]):
        return ""
    mover = call.arguments[still.index(False)]
    return source.column(Column("open")) if is_price(mover) else ""


def _is_level(told: str) -> bool:
    return told != "NAN"


def remarks(call: Call) -> Iterator[Finding]:
    """Yield how TradingView's crosses differ from ours."""
    ours = "cross_up" if call.function == "crossover" else "cross_down"
    message = (
        f"{call.function} is TradingView's: a level is compared as it stood on the bar before, and "
        f"a tie on that bar counts as the other side; {ours} re-arms at a level's step"
    )
    yield Finding(start=call.start, code="W202", message=message, severity="info")


_OPERANDS: Final = (Parameter("a", Accepts.NUMBER), Parameter("b", Accepts.NUMBER))

CROSSOVERS: Final = (
    Function(
        "crossover",
        _OPERANDS,
        Type.EVENT,
        Happening(crossing("over")),
        "a is above b and was not on the bar before (ta.crossover)",
        remarks=remarks,
    ),
    Function(
        "crossunder",
        _OPERANDS,
        Type.EVENT,
        Happening(crossing("under")),
        "a is below b and was not on the bar before (ta.crossunder)",
        remarks=remarks,
    ),
)
