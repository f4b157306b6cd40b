"""Values as people read them."""

import math
from typing import Final

from whispr_daemon.rules.nodes import (
    AsOf,
    Forming,
    Level,
    LevelValue,
    Named,
    Node,
    Price,
    Series,
    SessionValue,
    Type,
)
from whispr_daemon.rules.spelling import clock, duration

_TRUTHS: Final = {1.0: "true", -1.0: "false"}
_QUOTED: Final = (Price, Series, Level, LevelValue, SessionValue)  # in the unit of prices, mostly


def figure(value: float) -> str:
    """Return a price or indicator: two digits behind the point where they are exact, else four."""
    if math.isnan(value):
        return "na"
    if value == round(value, 2):
        return f"{value:.2f}"
    return f"{value:.4f}" if abs(value) >= 1 else f"{value:.6g}"


def shown(node: Node, value: float) -> str:
    """Return the value of a node; of a truth 1, 0 (na) or -1."""
    if node.type in (Type.BOOL, Type.EVENT):
        return _TRUTHS.get(value, "na")
    if math.isnan(value):
        return "na"
    match node.type:
        case Type.DUR:
            return duration(value)
        case Type.TIME:
            return clock(value)
        case Type.STR:
            return repr(node.words[int(value)])
        case _:
            return figure(value) if _is_quoted(node) else f"{value:.10g}"


def _is_quoted(node: Node) -> bool:
    if isinstance(node, AsOf | Forming):
        return _is_quoted(node.node)
    return isinstance(node, _QUOTED) or (isinstance(node, Named) and node.built_in)
