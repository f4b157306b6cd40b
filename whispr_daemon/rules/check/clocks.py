"""Values on other clocks: of another timeframe or symbol, of a forming bar, of bars ago."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

import msgspec

from whispr_daemon.rules.check.rewrite import with_children
from whispr_daemon.rules.check.scope import RefusedError, Span
from whispr_daemon.rules.functions.function import Function, Happening, Written
from whispr_daemon.rules.nodes import (
    AsOf,
    Call,
    ClockValue,
    Const,
    Forming,
    Level,
    LevelValue,
    Node,
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
from whispr_daemon.rules.tree import children, walk

# Their memory is of the sides of two values, so they are the same on any clock that sees both.
_CROSSES: Final = ("cross", "cross_up", "cross_down", "crossover", "crossunder")


class Clock(NamedTuple):
    """Whose bars a value is meant on."""

    base: str  # the rule's timeframe
    timeframe: str
    symbol: str = ""  # empty: the rule's own
    alias: str = ""


def as_of(node: Node, clock: Clock, span: Span, functions: Mapping[str, Function]) -> Node:
    """Return the value as it was when a bar of another clock was last complete.

    What bars give is asked of that clock; what is reckoned from it is reckoned here.

    Raises:
        RefusedError: it has a clock of its own, or is not made of bars.
    """
    if clock.timeframe == clock.base and not clock.symbol:
        return node

    def leaf(found: Node) -> Node:
        if isinstance(found, AsOf) and found.timeframe == clock.base and not clock.symbol:
            return msgspec.structs.replace(found, timeframe=clock.timeframe)
        if isinstance(found, AsOf | Forming) or _has_clock(found):
            message = f"what stands on another timeframe or symbol cannot stand {_said(clock)} too"
            raise RefusedError(span.start, "E306", message)
        whole = Span(found.start, found.end) if found is not node else span
        return AsOf(
            type=found.type,
            start=whole.start,
            end=whole.end,
            words=found.words,
            node=found,
            timeframe=clock.timeframe,
            symbol=clock.symbol,
            alias=clock.alias,
        )

    return _on_leaves(node, leaf, _Where(span, _said(clock), functions))


def forming(node: Node, timeframe: str, span: Span, functions: Mapping[str, Function]) -> Node:
    """Return the value with the bar that is not yet complete.

    Raises:
        RefusedError: it is another symbol's, or is not made of bars.
    """

    def leaf(found: Node) -> Node:
        inner, on = found, timeframe
        if isinstance(found, AsOf) and not found.symbol:
            inner, on = found.node, found.timeframe
        if isinstance(inner, AsOf | Forming) or _has_clock(inner):
            raise RefusedError(span.start, "E306", "only bars of the rule's own symbol are forming")
        whole = Span(found.start, found.end) if found is not node else span
        return Forming(
            type=Type.NUM if inner.type is Type.LEVEL else inner.type,
            start=whole.start,
            end=whole.end,
            words=inner.words,
            node=inner,
            timeframe=on,
        )

    return _on_leaves(node, leaf, _Where(span, "as forming", functions))


def earlier(node: Node, back: int, span: Span, functions: Mapping[str, Function]) -> Node:
    """Return the value ``back`` bars earlier, of the clock it stands on.

    Raises:
        RefusedError: it is no value of bars.
    """
    clocks = {(leaf.timeframe, leaf.symbol) for leaf in _leaves(node) if isinstance(leaf, AsOf)}
    own = any(not isinstance(leaf, AsOf | Const | Parameter) for leaf in _leaves(node))

    def hist(found: Node) -> Node:
        return Series(
            type=Type.NUM,
            start=span.start,
            end=span.end,
            function="hist",
            numbers=(float(back),),
            source=found,
        )

    def leaf(found: Node) -> Node:
        assert isinstance(found, AsOf)  # noqa: S101 (all of them are, on one clock)
        inner = hist(found.node)
        return msgspec.structs.replace(found, start=span.start, end=span.end, node=inner)

    if len(clocks) == 1 and not own:
        return _on_leaves(node, leaf, _Where(span, f"{back} bars back", functions))
    refuse_source(node, span, functions)
    return hist(node)


def refuse_source(node: Node, span: Span, functions: Mapping[str, Function]) -> None:
    """Refuse what no indicator can be made of.

    Raises:
        RefusedError: something in it is no value of bars.
    """
    for part in walk(node):
        what = ""
        match part:
            case Variable(name=name) | PortfolioValue(name=name):
                what = name
            case Said(question=question):
                what = f"{question}(…)"
            case Call(function=function) if _remembers(functions[function]):
                what = f"{function}(…)"
            case _:
                pass
        if what:
            message = f"an indicator is made of prices and indicators, not of {what}"
            raise RefusedError(span.start, "E308", message)


class _Where(NamedTuple):
    span: Span
    said: str
    functions: Mapping[str, Function]


def _on_leaves(node: Node, change: Callable[[Node], Node], where: _Where) -> Node:
    match node:
        case Const() | Text() | Parameter():
            return node
        case Variable(name=name) | PortfolioValue(name=name):
            raise RefusedError(where.span.start, "E306", f"{name} cannot stand {where.said}")
        case Said(question=question):
            raise RefusedError(where.span.start, "E306", f"{question} cannot stand {where.said}")
        case Call(function=name) if name not in _CROSSES and _remembers(where.functions[name]):
            message = f"{name} cannot stand {where.said}; put the timeframe on its arguments"
            raise RefusedError(where.span.start, "E306", message)
        case (
            Price()
            | Series()
            | Level()
            | LevelValue()
            | SessionValue()
            | ClockValue()
            | AsOf()
            | Forming()
        ):
            return change(node)
        case _:
            below = [_on_leaves(child, change, where) for child in children(node)]
            return with_children(node, below)


def _leaves(node: Node) -> Iterator[Node]:
    inner = children(node)
    if isinstance(node, AsOf | Forming | Series) or not inner:
        yield node
    else:
        for child in inner:
            yield from _leaves(child)


def _has_clock(node: Node) -> bool:
    return any(isinstance(part, AsOf | Forming) for part in walk(node))


def _remembers(function: Function) -> bool:
    lowering = function.lowering
    return isinstance(lowering, Happening) or (isinstance(lowering, Written) and lowering.remembers)


def _said(clock: Clock) -> str:
    on = f"@{clock.timeframe}"
    return f"on {clock.alias}" if clock.symbol and clock.timeframe == clock.base else f"on {on}"
