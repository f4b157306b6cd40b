"""Names: ``price``, ``atr.38``, ``EMA13@5m``, ``close[1]``."""

import math
from typing import Final, cast

from lark import Token, Tree

from whispr_daemon.rules.check.checking import Checking, Reader
from whispr_daemon.rules.check.parse_tree import arguments, chain
from whispr_daemon.rules.check.scope import (
    RefusedError,
    Span,
    atr_node,
    level_node,
    name_node,
    not_yet,
)
from whispr_daemon.rules.diagnostics import suggestion
from whispr_daemon.rules.names import LATER_SPACES, MAX_LENGTH, MODES
from whispr_daemon.rules.nodes import Node, Series, Type
from whispr_daemon.rules.tree import constant_value


def _name(_checking: Checking, tree: Tree[Token], span: Span) -> Node:
    return name_node(str(tree.children[0]), span)


def _dotted(checking: Checking, tree: Tree[Token], span: Span) -> Node | None:
    """``atr.38``, ``atr.level(0.4)``: a name, what follows its dots, and maybe arguments."""
    base, parts = chain(tree)
    if base is None:
        raise not_yet(f"'.{parts[-1]}' of an expression", span.start)
    if base.lower() in LATER_SPACES:
        raise not_yet(".".join((base, *parts)), span.start)
    if base.lower() != "atr":
        hint = suggestion(base, ("atr", *LATER_SPACES))
        raise RefusedError(span.start, "E201", f"unknown name {base!r}{hint}")
    if tree.data == "attr":
        return atr_node(parts, span, checking.scope)
    return _level(checking, parts, tree, span)


def _level(checking: Checking, parts: list[str], tree: Tree[Token], span: Span) -> Node | None:
    """``atr.level(0.40)``, ``atr.day.level(-1.1)``."""
    written = ".".join(("atr", *parts))
    *mode, last = (part.lower() for part in parts)
    if len(mode) == 1 and mode[0] in MODES and mode[0] != "day":
        raise not_yet(f"the ladder 'atr.{mode[0]}'", span.start)
    if last != "level" or mode not in ([], ["day"]):
        raise RefusedError(span.start, "E220", f"unknown function {written!r}")
    given = arguments(tree)
    if len(given) != 1:
        message = f"{written} takes 1 argument, not {len(given)}"
        raise RefusedError(span.start, "E221", message)
    ratio = checking.visit(given[0])
    if ratio is None:
        return None
    value = constant_value(ratio)
    if value is None or not math.isfinite(value):
        message = f"{written} takes a ratio written as a number, e.g. {written}(0.40)"
        raise RefusedError(ratio.start, "E305", message)
    return level_node(f"{written}({value:g})", value, span, checking.scope)


def _at_timeframe(checking: Checking, tree: Tree[Token], span: Span) -> Node | None:
    inner, timeframe = cast("tuple[Tree[Token], Token]", tuple(tree.children))
    if str(timeframe) != checking.scope.timeframe:
        raise not_yet(f"another timeframe (@{timeframe})", span.start)
    return checking.visit(inner)


def _history(checking: Checking, tree: Tree[Token], span: Span) -> Node | None:
    inner, back = cast("tuple[Tree[Token], Token]", tuple(tree.children))
    node = checking.number(inner, "[…]")
    if not back.isdigit() or int(back) > MAX_LENGTH:
        message = f"[{back}]: bars back are a whole number, at most {MAX_LENGTH}"
        raise RefusedError(span.start, "E305", message)
    if node is None or int(back) == 0:
        return node
    if node.type is Type.LEVEL:
        raise not_yet("an earlier value of a level", span.start)
    return Series(
        type=Type.NUM,
        start=span.start,
        end=span.end,
        function="hist",
        numbers=(float(back),),
        source=node,
    )


READERS: Final[dict[str, Reader]] = {
    "name": _name,
    "attr": _dotted,
    "method": _dotted,
    "at_tf": _at_timeframe,
    "hist": _history,
}
