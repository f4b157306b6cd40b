"""The tree of an expression with the value of every part."""

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from whispr_daemon.rules.evaluated import plain
from whispr_daemon.rules.explain.explanation import Told
from whispr_daemon.rules.explain.figures import figure, shown
from whispr_daemon.rules.nodes import (
    AsOf,
    Call,
    Forming,
    Ladder,
    Level,
    LevelValue,
    Logic,
    Named,
    Node,
    Not,
    Parameter,
    Price,
    Series,
    Type,
)
from whispr_daemon.rules.spelling import spelling
from whispr_daemon.rules.tree import canonical, children, is_constant, stands_still


class Moment(NamedTuple):
    """The values of one evaluation, by canonical spelling, and the one before it."""

    numbers: Mapping[str, float]
    before: Mapping[str, float]
    bar: str  # which bar it was: "bar 09:35, SPY 1m"
    tick: str  # which trade or quote it was
    anchored: str  # the date of the session before; empty: levels are pinned
    late: Mapping[str, str]  # notes on values of other symbols, by spelling

    def number(self, node: Node) -> float | None:
        """Return the value of a node, None if it was not written down."""
        return self.numbers.get(canonical(node))


def told(top: Node, moment: Moment) -> Told:
    """Return a top expression and all below it that has a value."""
    return _told(top, moment, set(), happening=False)


def _told(node: Node, moment: Moment, seen: set[str], *, happening: bool) -> Told:
    seen.add(spelling(node))
    value = node.value if isinstance(node, Parameter) else moment.number(node)
    number = math.nan if value is None else value
    happens = happening or (isinstance(node, Call) and node.type is Type.EVENT)
    operands = [
        _told(child, moment, seen, happening=happens)
        for child in _parts(node)
        if _has_value(child) and spelling(child) not in seen
    ]
    before = moment.before.get(canonical(node), math.nan)
    moved = happening and not stands_still(node) and node.type is Type.NUM
    return Told(
        text=spelling(node),
        value=plain(node, number) if node.type is not Type.STR or number == number else None,
        shown="?" if value is None else shown(node, number),
        previous=shown(node, before) if moved and before == before else "",
        note=_note(node, moment),
        operands=tuple(operands),
    )


def _has_value(node: Node) -> bool:
    return isinstance(node, Parameter) or not is_constant(node)


def _parts(node: Node) -> tuple[Node, ...]:
    """Return the operands that have values of their own: those of columns have not.

    Of a built-in that the rule language defines these are the columns it is made of.
    """
    if isinstance(node, Series | AsOf | Forming):
        return ()
    if isinstance(node, Named) and node.built_in:
        return () if isinstance(node.node, Series | AsOf | Forming) else tuple(_columns(node.node))
    return children(node)


def _columns(node: Node) -> Iterator[Node]:
    below = () if isinstance(node, Series | AsOf | Forming) else children(node)
    for child in below:
        yield from _columns(child)
    if not below:
        yield node


def _note(node: Node, moment: Moment) -> str:
    match node:
        case Level(ratio=ratio, ladder=ladder) if ratio:
            bare = node.__class__(type=node.type, start=0, end=0, name="", ratio=0.0, ladder=ladder)
            anchor = moment.number(bare)
            atr = moment.number(
                LevelValue(type=Type.LEVEL, start=0, end=0, name="atr", ladder=ladder)
            )
            if anchor is None or atr is None:
                return ""
            sign = "+" if ratio > 0 else "-"
            sum_ = f"{figure(anchor)} {sign} {abs(ratio):g} × {figure(atr)}"  # noqa: RUF001 (it is meant)
            return f"{sum_}; {ladder.mode}, {ladder.session}, {_anchor(ladder, moment)}"
        case AsOf() if spelling(node) in moment.late:
            return moment.late[spelling(node)]
        case Price(field=field):
            return moment.tick if field == "price" else moment.bar
        case _:
            return ""


def _anchor(ladder: Ladder, moment: Moment) -> str:
    if not moment.anchored:
        return "as given"
    close = "official close" if ladder.anchor == "official" else "last trade"
    return f"{close} of {moment.anchored}" if ladder.mode == "day" else close


def culprit(node: Node, moment: Moment) -> Node:
    """Return the first sub-expression, from the left, that keeps a truth from being true."""
    match node:
        case Named(node=inner, built_in=built_in):
            whole = built_in or not isinstance(inner, Logic | Not)
            return node if whole else culprit(inner, moment)
        case Logic(op="and", operands=operands):
            false = [one for one in operands if moment.number(one) == -1]
            unknown = [one for one in operands if moment.number(one) != 1]
            found = (*false, *unknown)
            return culprit(found[0], moment) if found else node
        case _:
            return node


def level_parts(node: Node) -> tuple[Node, ...]:
    """Return what a level is made of: its anchor and its ATR."""
    if not isinstance(node, Level) or not node.ratio:
        return ()
    anchor = Level(type=Type.LEVEL, start=0, end=0, name="atr.pdc", ratio=0.0, ladder=node.ladder)
    return anchor, LevelValue(type=Type.LEVEL, start=0, end=0, name="atr", ladder=node.ladder)
