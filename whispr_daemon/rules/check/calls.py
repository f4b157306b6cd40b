"""Calls of built-in functions, by what the function table says of each."""

from collections.abc import Sequence
from typing import Final

from lark import Token, Tree

from whispr_daemon.rules.check.checking import Checking, Reader, complete
from whispr_daemon.rules.check.parse_tree import arguments, span_of, subtrees
from whispr_daemon.rules.check.scope import RefusedError, Span, indicator, not_yet
from whispr_daemon.rules.diagnostics import suggestion
from whispr_daemon.rules.functions.function import Accepts, Folded, Function, Parameter
from whispr_daemon.rules.functions.later import LATER_FUNCTIONS
from whispr_daemon.rules.functions.table import FUNCTIONS
from whispr_daemon.rules.nodes import Call, Node, Type
from whispr_daemon.rules.tree import constant_value, number_type

_INFIX: Final = {"x_any": "cross", "x_up": "cross_up", "x_down": "cross_down"}


def _call(checking: Checking, tree: Tree[Token], span: Span) -> Node | None:
    name = str(tree.children[0])
    given = arguments(tree)
    function = FUNCTIONS.get(name.lower())
    if function is None:
        for argument in given:  # for the mistakes in them
            checking.visit(subtrees(argument)[0] if argument.data == "kwarg" else argument)
        raise _unknown(name, span)
    for argument in given:
        if argument.data == "kwarg":
            message = f"{function.name} takes its arguments by place, not by name"
            raise RefusedError(span_of(argument).start, "E222", message)
    _check_count(function, len(given), span)
    return _applied(checking, function, given, span)


def _infix(checking: Checking, tree: Tree[Token], span: Span) -> Node | None:
    """``price crosses above EMA13``."""
    return _applied(checking, FUNCTIONS[_INFIX[str(tree.data)]], subtrees(tree), span)


def _unknown(name: str, span: Span) -> RefusedError:
    if name.lower() in LATER_FUNCTIONS:
        return not_yet(f"the function {name!r}", span.start)
    hint = suggestion(name, (*FUNCTIONS, *LATER_FUNCTIONS))
    return RefusedError(span.start, "E220", f"unknown function {name!r}{hint}")


def _check_count(function: Function, count: int, span: Span) -> None:
    least, most = function.counts
    if least <= count <= most:
        return
    wanted = str(least) if least == most else f"{least} to {most}"
    plural = "" if wanted == "1" else "s"
    message = f"{function.name} takes {wanted} argument{plural}, not {count}"
    raise RefusedError(span.start, "E221", message)


def _applied(
    checking: Checking, function: Function, given: Sequence[Tree[Token]], span: Span
) -> Node | None:
    last = len(function.takes) - 1
    read = complete(
        [
            _argument(checking, function, function.takes[min(place, last)], tree)
            for place, tree in enumerate(given)
        ]
    )
    if read is None:
        return None
    if isinstance(function.lowering, Folded):
        return _series(function, read, span)
    gives = number_type(read) if function.gives is Type.NUM else function.gives
    call = Call(type=gives, start=span.start, end=span.end, function=function.name, arguments=read)
    checking.findings += function.remarks(call)
    return call


def _argument(
    checking: Checking, function: Function, parameter: Parameter, tree: Tree[Token]
) -> Node | None:
    match parameter.accepts:
        case Accepts.NUMBER:
            return checking.number(tree, function.name)
        case Accepts.LENGTH:
            node = checking.visit(tree)
            if node is None:
                return None
            value = constant_value(node)
            if value is None or not value.is_integer():
                message = f"{function.name} takes its {parameter.name} as a whole number"
                raise RefusedError(node.start, "E305", message)
            return node
        case Accepts.FACTOR | Accepts.TRUTH | Accepts.ANY:
            raise not_yet(f"{parameter.accepts} as an argument", span_of(tree).start)


def _series(function: Function, read: Sequence[Node], span: Span) -> Node:
    length, source = 1, None
    for parameter, node in zip(function.takes, read, strict=True):
        if parameter.accepts is Accepts.LENGTH:
            length = int(constant_value(node) or 0)
        else:
            source = node
    return indicator(function.name, length, span, source)


READERS: Final[dict[str, Reader]] = {"call": _call, **dict.fromkeys(_INFIX, _infix)}
