"""Which orders make a position smaller: those need no stop."""

from typing import Final

from whispr_daemon.rules.names import SIDES
from whispr_daemon.rules.nodes import Compare, Const, Node, PortfolioValue
from whispr_daemon.rules.rule import Clause
from whispr_daemon.rules.tree import constant_value, walk

_BEYOND: Final = {"sell": (">", ">="), "buy": ("<", "<=")}  # 0, of what is reduced by that side
_HELD: Final = {"sell": "long", "buy": "short"}


def reduces(clause: Clause, side: str) -> bool:
    """Does a clause ask that there is a position which an order of this side makes smaller?

    ``position.qty > 0`` and ``position.side == 'long'`` before a sale, and the mirror of it.
    """
    if side not in _HELD:
        return False
    return any(_asks(node, side) for top in clause.conditions for node in walk(top))


def _asks(node: Node, side: str) -> bool:
    if not isinstance(node, Compare) or not isinstance(node.left, PortfolioValue):
        return False
    name, right = node.left.name, node.right
    if name == "position.qty":
        return node.op in _BEYOND[side] and constant_value(right) is not None
    held = SIDES.index(_HELD[side])
    return (
        name == "position.side"
        and node.op == "=="
        and isinstance(right, Const)
        and right.value == held
    )
