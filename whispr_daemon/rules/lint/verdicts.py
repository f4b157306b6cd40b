"""What can be said of a condition without a market: that it can never be true."""

import math
from collections.abc import Iterable
from typing import Final, Literal, TypeAlias

from whispr_daemon.rules.lint.ranges import range_of
from whispr_daemon.rules.lint.within_bar import never_above
from whispr_daemon.rules.nodes import Call, Compare, Const, Logic, Named, Node, Not, Type
from whispr_daemon.rules.tree import canonical, stands_still

Verdict: TypeAlias = Literal[-1, 0, 1]  # never true, cannot say, true unless na

_MIRRORED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


def verdict(node: Node) -> Verdict:
    """Say whether a condition can be true at all."""
    match node:
        case Const(type=Type.BOOL, value=value):
            return 1 if value > 0 else -1
        case Named(node=inner):
            return verdict(inner)
        case Not(operand=operand):
            return {1: -1, 0: 0, -1: 1}[verdict(operand)]  # type: ignore[return-value]
        case Compare():
            return _compared(node)
        case Call(type=Type.EVENT, arguments=(left, right)):
            return -1 if _never_cross(node.function, left, right) else 0
        case Logic(op="and", operands=operands):
            found = [verdict(operand) for operand in operands]
            return -1 if _contradict(operands) else min(found)
        case Logic(operands=operands):
            return max(verdict(operand) for operand in operands)
        case _:
            return 0


def _compared(node: Compare) -> Verdict:
    if _is_na(node.left) or _is_na(node.right):
        return -1
    if is_ordered(node.op, node.left, node.right):
        return -1
    left, right = range_of(node.left), range_of(node.right)
    below, above = left.high < right.low, left.low > right.high
    up_to, from_on = left.high <= right.low, left.low >= right.high
    alike = left.low == left.high == right.low == right.high
    never, always = {
        "<": (from_on, below),
        "<=": (above, up_to),
        ">": (up_to, above),
        ">=": (below, from_on),
        "==": (below or above, alike),
        "!=": (alike, below or above),
    }[node.op]
    return -1 if never else (1 if always else 0)


def is_ordered(op: str, left: Node, right: Node) -> bool:
    """Is ``left > right`` (or ``<``) ruled out by what the two are?"""
    return (op == ">" and never_above(left, right)) or (op == "<" and never_above(right, left))


def _never_cross(function: str, left: Node, right: Node) -> bool:
    """Of our crosses both sides must be seen; of TradingView's a tie is the one before."""
    if stands_still(left) and stands_still(right):
        return False  # it has been told that they do not
    one, two = range_of(left), range_of(right)
    below = one.high <= two.low or never_above(left, right)
    above = one.low >= two.high or never_above(right, left)
    return {"crossover": below, "crossunder": above}.get(function, below or above)


def _contradict(operands: Iterable[Node]) -> bool:
    """``x > 5 and x < 3``: is there a value whose bounds leave nothing?"""
    bounds: dict[str, tuple[float, bool, float, bool]] = {}
    for operand in operands:
        bare = operand.node if isinstance(operand, Named) else operand
        if not isinstance(bare, Compare):
            continue
        op, value, limit = bare.op, bare.left, range_of(bare.right)
        if limit.low != limit.high:
            op, value, limit = _MIRRORED[bare.op], bare.right, range_of(bare.left)
        if limit.low != limit.high:
            continue
        key = canonical(value)
        low, low_open, high, high_open = bounds.get(key, (-math.inf, False, math.inf, False))
        at = limit.low
        if op in (">", ">=", "==") and (at, op == ">") > (low, low_open):
            low, low_open = at, op == ">"
        if op in ("<", "<=", "==") and (-at, op == "<") > (-high, high_open):
            high, high_open = at, op == "<"
        bounds[key] = (low, low_open, high, high_open)
        if low > high or (low == high and (low_open or high_open)):
            return True
    return False


def _is_na(node: Node) -> bool:
    return isinstance(node, Const) and math.isnan(node.value)
