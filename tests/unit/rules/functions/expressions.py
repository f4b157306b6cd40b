"""Expressions as typed trees, expanded by what the function table says of each call."""

from collections.abc import Mapping
from typing import Any

from lark import Token, Tree

from whispr_daemon.rules.check.parse import parse
from whispr_daemon.rules.check.parse_tree import arguments, subtrees
from whispr_daemon.rules.functions.function import Accepts, Composed, Folded
from whispr_daemon.rules.functions.table import FUNCTIONS
from whispr_daemon.rules.names import PRICES
from whispr_daemon.rules.nodes import (
    Arithmetic,
    Call,
    Compare,
    Const,
    Logic,
    Negative,
    Node,
    Not,
    Price,
    Series,
    Type,
)

_OPS = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
_NUM: dict[str, Any] = {"type": Type.NUM, "start": 0, "end": 0}
_BOOL: dict[str, Any] = {"type": Type.BOOL, "start": 0, "end": 0}


def number(value: float) -> Const:
    """Return a literal."""
    return Const(value=value, **_NUM)


def typed(text: str, names: Mapping[str, Node] | None = None) -> Node:
    """Return the typed tree of an expression over prices, and over ``names``."""
    return _visit(parse(text), names or {})


def called(name: str, *given: Node, part: str = "") -> Node:
    """Return the typed tree of a call."""
    function = FUNCTIONS[name]
    defaults = function.takes[len(given) :]
    full = (*given, *(number(one.default or 0.0) for one in defaults))
    lowering = function.lowering
    if isinstance(lowering, Composed):
        names = {one.name: node for one, node in zip(function.takes, full, strict=True)}
        return typed(lowering.parts[part], names)
    if isinstance(lowering, Folded):
        pairs = list(zip(function.takes, full, strict=True))
        sources = [node for one, node in pairs if one.accepts is Accepts.NUMBER]
        numbers = [node for one, node in pairs if one.accepts is not Accepts.NUMBER]
        return Series(
            function=name,
            numbers=tuple(node.value for node in numbers if isinstance(node, Const)),
            source=sources[0] if sources else None,
            others=tuple(sources[1:]),
            **_NUM,
        )
    gives = function.gives or full[-1].type
    return Call(function=name, arguments=full, type=gives, start=0, end=0)


def _visit(tree: Tree[Token], names: Mapping[str, Node]) -> Node:  # noqa: C901 (one case a tree)
    kind = str(tree.data)
    if kind == "number":
        return number(float(str(tree.children[0])))
    if kind == "name":
        name = str(tree.children[0])
        if name == "na":
            return number(float("nan"))
        return names[name] if name in names else Price(field=PRICES[name], **_NUM)
    if kind == "call":
        return called(str(tree.children[0]), *(_visit(one, names) for one in arguments(tree)))
    if kind == "attr":
        (inner,) = subtrees(tree)
        given = arguments(inner) if inner.data == "call" else []
        nodes = [_visit(one, names) for one in given]
        return called(str(inner.children[0]), *nodes, part=str(tree.children[1]))
    below = [_visit(one, names) for one in subtrees(tree)]
    if kind in _OPS:
        return Arithmetic(op=_OPS[kind], left=below[0], right=below[1], quiet=True, **_NUM)
    if kind == "neg":
        return Negative(operand=below[0], **_NUM)
    if kind == "not_":
        return Not(operand=below[0], **_BOOL)
    if kind == "hist":
        back = (float(str(tree.children[1])),)
        return Series(function="hist", numbers=back, source=below[0], **_NUM)
    if kind == "compare":
        (op,) = (str(one) for one in tree.children if isinstance(one, Token))
        return Compare(op=op, left=below[0], right=below[1], **_BOOL)
    assert kind in ("and_expr", "or_expr"), kind
    return Logic(op="and" if kind == "and_expr" else "or", operands=tuple(below), **_BOOL)
