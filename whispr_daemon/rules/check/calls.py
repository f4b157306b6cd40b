"""Calls of built-in functions, by what the function table says of each."""

from collections.abc import Sequence
from typing import Final

import msgspec
from lark import Token, Tree

from whispr_daemon.rules.check.arguments import Place, argument, fixed, placed, result_type
from whispr_daemon.rules.check.checking import Checking, Reader, complete
from whispr_daemon.rules.check.clocks import earlier, refuse_source
from whispr_daemon.rules.check.elsewhere import function_elsewhere
from whispr_daemon.rules.check.parse_tree import Segment, subtrees
from whispr_daemon.rules.check.questions import QUESTIONS
from whispr_daemon.rules.check.scope import RefusedError, Span
from whispr_daemon.rules.diagnostics import suggestion
from whispr_daemon.rules.functions.function import (
    Accepts,
    Composed,
    Folded,
    Function,
    Written,
)
from whispr_daemon.rules.nodes import Call, Const, Named, Node, Price, Series, Type
from whispr_daemon.rules.spelling import spelling
from whispr_daemon.rules.tree import number_type

_INFIX: Final = {"x_any": "cross", "x_up": "cross_up", "x_down": "cross_down"}
_SHORTHAND_SOURCE: Final = {"highest": "high", "lowest": "low"}  # of others the close


def called(checking: Checking, name: str, written: list[Segment], span: Span) -> Node | None:
    """Return what a call stands for; ``written`` begins with its arguments, parts may follow.

    Raises:
        RefusedError: there is no such function or part, or its arguments are wrong.
    """
    head, *rest = written
    given = head.arguments or []
    if name in QUESTIONS and not rest:
        for tree in given:
            if tree.data == "kwarg":
                message = f"{name} takes its arguments by place, not by name"
                raise RefusedError(span.start, "E222", message)
        return QUESTIONS[name](checking, given, span)
    function = _function(checking, name)
    if function is None:
        for tree in given:  # for the mistakes in them
            checking.visit(subtrees(tree)[0] if tree.data == "kwarg" else tree)
        visible = [one.name for one in checking.scope.functions.values() if not one.hidden]
        hint = function_elsewhere(name) or suggestion(head.word, (*visible, *QUESTIONS))
        raise RefusedError(span.start, "E220", f"unknown function {head.word!r}{hint}")
    part = _part(function, rest, span)
    return _read(checking, function, part, placed(function, given, span), span)


def shorthand(checking: Checking, name: str, length: int, span: Span) -> Node | None:
    """Return ``EMA13``: an indicator of the close with its one length.

    Raises:
        RefusedError: there is no such indicator, or no such length.
    """
    function = _function(checking, name)
    if function is None:
        raise RefusedError(span.start, "E220", f"unknown function {name!r}")
    field = _SHORTHAND_SOURCE.get(name, "close")
    start, end = span
    price = Price(type=Type.NUM, start=start, end=end, field=field)
    count = Const(type=Type.NUM, start=start, end=end, value=float(length))
    read = [
        fixed(function, parameter, count) if parameter.accepts is Accepts.LENGTH else price
        for parameter in function.takes
    ]
    return applied(checking, function, "", read, span)


def _function(checking: Checking, name: str) -> Function | None:
    function = checking.scope.functions.get(name)
    hidden = function is not None and function.hidden and checking.defined is None
    return None if hidden else function


def _part(function: Function, rest: list[Segment], span: Span) -> str:
    lowering = function.lowering
    parts = lowering.parts if isinstance(lowering, Composed) else {"": ""}
    words = [segment.word.lower() for segment in rest]
    part = words[0] if words else ""
    wrong = len(words) > 1 or any(segment.arguments is not None for segment in rest)
    if part in parts and not wrong:
        return part
    dots = ", ".join(f".{known}" for known in parts if known)
    if not dots:
        raise RefusedError(span.start, "E204", f"nothing stands behind the dot of {function.name}")
    hint = suggestion(part, parts)
    message = f"{function.name} has {dots}" + (f", not .{'.'.join(words)}{hint}" if words else "")
    raise RefusedError(span.start, "E204", message)


def _infix(checking: Checking, tree: Tree[Token], span: Span) -> Node | None:
    """``price crosses above EMA13``."""
    function = checking.scope.functions[_INFIX[str(tree.data)]]
    return _read(checking, function, "", placed(function, subtrees(tree), span), span)


def _read(
    checking: Checking, function: Function, part: str, places: Sequence[Place], span: Span
) -> Node | None:
    read = complete([argument(checking, function, place, span) for place in places])
    return None if read is None else applied(checking, function, part, read, span)


def applied(
    checking: Checking, function: Function, part: str, read: Sequence[Node], span: Span
) -> Node | None:
    """Return a function of arguments that are what it takes.

    Raises:
        RefusedError: it cannot take them together.
    """
    match function.lowering:
        case Folded():
            return _series(checking, function, read, span)
        case Composed() as composed:
            return _composed(checking, (function, composed, part), read, span)
        case lowering:
            gives = result_type(function, read, span)
            if gives is Type.NUM and isinstance(lowering, Written) and not lowering.remembers:
                gives = number_type(read)
            call = Call(
                type=gives,
                start=span.start,
                end=span.end,
                function=function.name,
                arguments=tuple(read),
            )
            if checking.defined is None:
                checking.findings += function.remarks(call)
            return call


def _series(checking: Checking, function: Function, read: Sequence[Node], span: Span) -> Node:
    numbers: list[float] = []
    sources: list[Node] = []
    for place, node in enumerate(read):
        parameter = function.takes[min(place, len(function.takes) - 1)]
        if parameter.accepts in (Accepts.LENGTH, Accepts.FACTOR, Accepts.WORD):
            numbers.append(fixed(function, parameter, node).value)
        else:
            refuse_source(node, span, checking.scope.functions)
            sources.append(node)
    if function.name == "hist":
        return earlier(sources[0], int(numbers[0]), span, checking.scope.functions)
    return Series(
        type=function.gives or Type.NUM,
        start=span.start,
        end=span.end,
        function=function.name,
        numbers=tuple(numbers),
        source=sources[0] if sources else None,
        others=tuple(sources[1:]),
    )


def _composed(
    checking: Checking, what: tuple[Function, Composed, str], read: Sequence[Node], span: Span
) -> Node | None:
    function, composed, part = what
    names = [parameter.name for parameter in function.takes]
    arguments = dict(zip(names, read, strict=True))
    node = checking.define(composed.parts[part], arguments, span)
    if node is None:
        return None
    checking.brought_in(node, span)
    words = composed.words.get(part)
    if words is not None:
        node = msgspec.structs.replace(node, type=Type.STR, words=words)
    if checking.defined is not None:
        return node
    return Named(
        type=node.type,
        start=span.start,
        end=span.end,
        words=node.words,
        name=_as_called(function, part, read),
        node=node,
        built_in=True,
    )


def _as_called(function: Function, part: str, read: Sequence[Node]) -> str:
    """Return ``macd(12, 26, 9).hist``, ``compressed()``, ``ribbon.state``."""
    arguments = ", ".join(map(spelling, read))
    brackets = f"({arguments})" if arguments or not part else ""
    return f"{function.name}{brackets}{'.' if part else ''}{part}"


READERS: Final[dict[str, Reader]] = dict.fromkeys(_INFIX, _infix)
