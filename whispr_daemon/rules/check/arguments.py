"""The arguments of a call: which stands for which parameter, and is it what that takes?"""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple, cast

from lark import Token, Tree

from whispr_daemon.rules.check.checking import Checking
from whispr_daemon.rules.check.parse_tree import span_of, subtrees
from whispr_daemon.rules.check.scope import RefusedError, Span
from whispr_daemon.rules.diagnostics import Finding, suggestion
from whispr_daemon.rules.functions.function import Accepts, Function, Parameter
from whispr_daemon.rules.names import MAX_LENGTH, SHORTHAND
from whispr_daemon.rules.nodes import Const, Node, Text, Type
from whispr_daemon.rules.nodes import Parameter as Dollar
from whispr_daemon.rules.tree import constant_value

_KINDS: Final = {Type.LEVEL: Type.NUM, Type.EVENT: Type.BOOL}


class Place(NamedTuple):
    """A parameter of a function, and what is written for it."""

    parameter: Parameter
    tree: Tree[Token] | None  # None: its default


def placed(function: Function, given: Sequence[Tree[Token]], span: Span) -> list[Place]:
    """Return what stands for each parameter, in the order of the parameters.

    Raises:
        RefusedError: too many, too few, unknown names.
    """
    takes = function.takes
    by_place = [tree for tree in given if tree.data != "kwarg"]
    by_name = _by_name(function, given)
    least, most = function.counts
    if len(by_place) > most or (not by_name and len(by_place) < least):
        wanted = str(least) if least == most else f"{least} to {most}"
        plural = "" if wanted == "1" else "s"
        message = f"{function.name} takes {wanted} argument{plural}, not {len(given)}"
        raise RefusedError(span.start, "E221", message + _shape(function, len(given)))
    found: list[Place] = []
    for index, parameter in enumerate(takes):
        tree = by_name.pop(parameter.name, None)
        if index < len(by_place):
            if tree is not None:
                message = f"{function.name} has its {parameter.name} twice"
                raise RefusedError(span_of(tree).start, "E222", message)
            tree = by_place[index]
        if tree is None and parameter.default is None:
            message = f"{function.name} needs its {parameter.name}"
            raise RefusedError(span.start, "E221", message)
        found.append(Place(parameter, tree))
    return found + [Place(takes[-1], tree) for tree in by_place[len(takes) :]]


def _shape(function: Function, count: int) -> str:
    """Return how a function is called: ``: ema(x, length), such as ema(close, 20) or EMA20``."""
    names = [parameter.name for parameter in function.takes]
    if not names:
        return ""
    text = f": {function.name}({', '.join(names)})"
    if names == ["x", "length"] and count == 1:
        text += f", such as {function.name}(close, 20)"
        if SHORTHAND.fullmatch(f"{function.name}20"):
            text += f" or {function.name.upper()}20"
    return text


def _by_name(function: Function, given: Sequence[Tree[Token]]) -> dict[str, Tree[Token]]:
    names = [parameter.name for parameter in function.takes]
    found: dict[str, Tree[Token]] = {}
    for tree in given:
        start = span_of(tree).start
        if tree.data != "kwarg":
            if found:
                message = "arguments without a name stand before those with one"
                raise RefusedError(start, "E222", message)
            continue
        name = str(tree.children[0])
        if name not in names or name in found:
            hint = suggestion(name, names)
            what = "has twice" if name in found else "has no argument"
            raise RefusedError(start, "E222", f"{function.name} {what} {name!r}{hint}")
        found[name] = subtrees(tree)[0]
    return found


def argument(checking: Checking, function: Function, place: Place, span: Span) -> Node | None:
    """Return the typed tree of an argument; None if there is a mistake in it."""
    parameter, tree = place
    if tree is None:
        value = float(cast("float", parameter.default))
        return Const(type=Type.NUM, start=span.start, end=span.end, value=value)
    if parameter.accepts is Accepts.NUMBER:
        return checking.number(tree, function.name)
    if parameter.accepts is Accepts.TRUTH:
        return checking.truth(tree)
    node = checking.visit(tree)
    if node is None:
        return None
    if parameter.accepts is Accepts.ANY:
        return _any(checking, function, node)
    if parameter.accepts is Accepts.WORD and not isinstance(node, Text):
        raise _no_word(function, parameter, node)
    return fixed(function, parameter, node)


def fixed(function: Function, parameter: Parameter, node: Node) -> Const | Dollar:
    """Return a length, a factor or a word (the place of it) as a literal or a parameter.

    Raises:
        RefusedError: it is not the same on every bar, or not such a number.
    """
    if isinstance(node, Text) and parameter.accepts is Accepts.WORD:
        return _word(function, parameter, node)
    value = constant_value(node)
    if parameter.accepts is Accepts.LENGTH and (value is None or not value.is_integer()):
        message = f"{function.name} takes its {parameter.name} as a whole number"
        raise RefusedError(node.start, "E305", message)
    if value is None or not math.isfinite(value):
        message = f"{function.name} takes its {parameter.name} as a number written as such"
        raise RefusedError(node.start, "E305", message)
    if parameter.accepts is Accepts.LENGTH and not 1 <= value <= MAX_LENGTH:
        found = f"{function.name.upper()} of {value:.0f} bars; a length is 1 to {MAX_LENGTH}"
        raise RefusedError(node.start, "E203", found)
    if isinstance(node, Const | Dollar):
        return node
    return Const(type=Type.NUM, start=node.start, end=node.end, value=value)


def _word(function: Function, parameter: Parameter, node: Text) -> Const:
    if node.value not in parameter.words:
        raise _no_word(function, parameter, node)
    place = float(parameter.words.index(node.value))
    return Const(type=Type.NUM, start=node.start, end=node.end, value=place)


def _no_word(function: Function, parameter: Parameter, node: Node) -> RefusedError:
    known = ", ".join(map(repr, parameter.words))
    hint = suggestion(node.value, parameter.words) if isinstance(node, Text) else ""
    message = f"{function.name} takes its {parameter.name} as one of {known}{hint}"
    return RefusedError(node.start, "E305", message)


def _any(checking: Checking, function: Function, node: Node) -> Node | None:
    if isinstance(node, Text) or node.type is Type.STR:
        message = f"{function.name} needs a number here, this is a {node.type}"
        checking.findings.append(Finding(start=node.start, code="E301", message=message))
        return None
    return node


def result_type(function: Function, read: Sequence[Node], span: Span) -> Type:
    """Return the type of a call; where it may be any, that of its values.

    Raises:
        RefusedError: they are of different types.
    """
    takes = function.takes
    kinds = {
        _KINDS.get(node.type, node.type)
        for place, node in enumerate(read)
        if takes[min(place, len(takes) - 1)].accepts is Accepts.ANY and not _is_default(node, span)
    }
    if len(kinds) > 1:
        found = " and ".join(sorted(kinds))
        raise RefusedError(span.start, "E303", f"{function.name} cannot take {found} together")
    (kind,) = kinds or {Type.NUM}
    return function.gives or kind


def _is_default(node: Node, call: Span) -> bool:
    return isinstance(node, Const) and (node.start, node.end) == call
