"""Expressions as typed trees, of functions too that only definitions call."""

from collections.abc import Mapping
from typing import Final

from whispr_daemon.rules.check.expression import check
from whispr_daemon.rules.check.scope import Scope, Vocabulary
from whispr_daemon.rules.functions.table import FUNCTIONS
from whispr_daemon.rules.nodes import Const, Node, Type

_PREFIX: Final = "given_"


def number(value: float) -> Const:
    """Return a literal."""
    return Const(type=Type.NUM, start=0, end=0, value=value)


def typed(text: str, names: Mapping[str, Node] | None = None) -> Node:
    """Return the typed tree of an expression over prices, and over ``names``."""
    shown = {name: function._replace(hidden=False) for name, function in FUNCTIONS.items()}
    scope = Scope(functions=shown, vocabulary=Vocabulary(lets=names or {}))
    checked = check(text, scope)
    assert checked.node is not None, (text, checked.findings)
    return checked.node


def called(name: str, *given: Node, part: str = "") -> Node:
    """Return the typed tree of a call."""
    names = {f"{_PREFIX}{place}": node for place, node in enumerate(given)}
    written = [
        repr(node.value) if isinstance(node, Const) and node.type is Type.NUM else name
        for name, node in names.items()
    ]
    return typed(f"{name}({', '.join(written)}){part}", names)
