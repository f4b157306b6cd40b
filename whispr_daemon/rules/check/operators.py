"""Operators: arithmetic, comparisons, ``in``, ``and``, ``or``, ``not``."""

from typing import Final, Literal, cast

from lark import Token, Tree

from whispr_daemon.rules.check.checking import TRUTHS, Checking, Reader, complete
from whispr_daemon.rules.check.parse_tree import subtrees
from whispr_daemon.rules.check.scope import RefusedError, Span
from whispr_daemon.rules.check.worded import worded
from whispr_daemon.rules.diagnostics import Finding
from whispr_daemon.rules.nodes import Arithmetic, Compare, Logic, Negative, Node, Not, Text, Type
from whispr_daemon.rules.tree import number_type

_ARITHMETIC: Final = {"add": "+", "sub": "-", "mul": "*", "div": "/"}


def _arithmetic(checking: Checking, tree: Tree[Token], span: Span) -> Node | None:
    found = checking.numbers(subtrees(tree), "arithmetic")
    if found is None:
        return None
    left, right = found
    return Arithmetic(
        type=number_type(found),
        start=span.start,
        end=span.end,
        op=_ARITHMETIC[str(tree.data)],
        left=left,
        right=right,
        quiet=checking.defined is not None,
    )


def _negative(checking: Checking, tree: Tree[Token], span: Span) -> Node | None:
    found = checking.numbers(subtrees(tree), "arithmetic")
    if found is None:
        return None
    (operand,) = found
    return Negative(type=number_type(found), start=span.start, end=span.end, operand=operand)


def _comparison(checking: Checking, tree: Tree[Token], span: Span) -> Node | None:
    """``30 < RSI14 < 70``: each neighbour with the next, all of them true."""
    nodes = [checking.visit(part) for part in subtrees(tree)]
    operators = [str(part) for part in tree.children if isinstance(part, Token)]
    pairs = zip(operators, nodes, nodes[1:], strict=False)
    return _joined("and", [_compare(op, left, right, span) for op, left, right in pairs], span)


def _in(checking: Checking, tree: Tree[Token], span: Span) -> Node | None:
    """``price in [1, 2]``: equal to one of them."""
    operand, choices = subtrees(tree)
    node = checking.visit(operand)
    others = [checking.visit(choice) for choice in subtrees(choices)]
    return _joined("or", [_compare("==", node, other, span) for other in others], span)


def _joined(op: Literal["and", "or"], parts: list[Node | None], span: Span) -> Node | None:
    found = complete(parts)
    if found is None or len(found) == 1:
        return found and found[0]
    return Logic(type=Type.BOOL, start=span.start, end=span.end, op=op, operands=found)


def _compare(op: str, left: Node | None, right: Node | None, span: Span) -> Node | None:
    if left is None or right is None:
        return None
    left, right = worded(left, right), worded(right, left)
    kinds = {Type.NUM if side.type is Type.LEVEL else side.type for side in (left, right)}
    if len(kinds) > 1:
        message = f"cannot compare {left.type} with {right.type}"
        raise RefusedError(span.start, "E303", message)
    (kind,) = kinds
    if kind in TRUTHS:
        message = f"cannot compare a {kind} (use 'and', 'or', 'not')"
        raise RefusedError(span.start, "E303", message)
    if kind is Type.STR:
        _refuse_words(op, left, right, span)
    return Compare(type=Type.BOOL, start=span.start, end=span.end, op=op, left=left, right=right)


def _refuse_words(op: str, left: Node, right: Node, span: Span) -> None:
    if isinstance(left, Text) or isinstance(right, Text) or left.words != right.words:
        raise RefusedError(span.start, "E303", "cannot compare these two texts")
    if op not in ("==", "!="):
        raise RefusedError(span.start, "E303", f"texts are not ordered (use == or !=, not {op})")


def _logic(checking: Checking, tree: Tree[Token], span: Span) -> Node | None:
    op = cast("Literal['and', 'or']", str(tree.data).removesuffix("_expr"))
    found = complete([checking.truth(child) for child in subtrees(tree)])
    if found is None:
        return None
    events = [node.type is Type.EVENT for node in found]
    kind = Type.EVENT if all(events) or (op == "and" and any(events)) else Type.BOOL
    if op == "or" and any(events) and not all(events):
        message = "'or' mixes an event (cross/touch) with a lasting condition"
        checking.findings.append(
            Finding(start=span.start, code="W301", message=message, severity="warning")
        )
    return Logic(type=kind, start=span.start, end=span.end, op=op, operands=found)


def _not(checking: Checking, tree: Tree[Token], span: Span) -> Node | None:
    (child,) = subtrees(tree)
    node = checking.truth(child)
    if node is None:
        return None
    return Not(type=Type.BOOL, start=span.start, end=span.end, operand=node)


READERS: Final[dict[str, Reader]] = {
    **dict.fromkeys(_ARITHMETIC, _arithmetic),
    "neg": _negative,
    "compare": _comparison,
    "in_": _in,
    "and_expr": _logic,
    "or_expr": _logic,
    "not_": _not,
}
