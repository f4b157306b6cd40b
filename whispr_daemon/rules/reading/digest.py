"""What a clause means, as a digest: its state lives as long as this stays the same."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from whispr_daemon.rules.actions import Action, Assign
from whispr_daemon.rules.nodes import Node, Variable
from whispr_daemon.rules.rule import Clause, Held, Inputs
from whispr_daemon.rules.tree import canonical, walk

_READ_AS_TREES: Final = ("if", "sequence", "until", "rearm", "id")


def digest_of(said: object) -> str:
    """Return the sha256 of plain data: comments, order of keys and layout do not change it."""
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(text.encode(errors="surrogatepass")).hexdigest()


def clause_digest(
    clause: Clause,
    written: Mapping[str, Any],
    when: Node | None,
    of: tuple[Inputs, tuple[Held, ...]],
) -> str:
    """Return the digest of a clause: 16 hex digits.

    It covers its keys as written, the meaning of its expressions (with the let entries, parameters
    and levels they read), the gate, the variables it reads, and the clock; symbols and the rest of
    the rule are not in it.
    """
    inputs, variables = of
    actions = (*clause.actions, *clause.on_timeout)
    trees = [*clause.trees, *([] if when is None else [when])]
    names = {node.name for tree in trees for node in walk(tree) if isinstance(node, Variable)}
    names |= {name for action in actions for name in _assigned(action)}
    keys = {
        key: value
        for key, value in written.items()
        if key not in _READ_AS_TREES and not key.startswith("x-")
    }
    steps = [] if clause.sequence is None else clause.sequence.steps
    said = [
        keys,
        [canonical(tree) for tree in trees],
        [(step.name, step.absent) for step in steps],
        [clause.evaluate, when is not None, clause.rearm is not None],
        [(held.name, held.init, held.reset) for held in variables if held.name in names],
        [inputs.timeframe, inputs.session, inputs.calendar, inputs.missing, inputs.stale_after],
        [inputs.require, inputs.bars, inputs.price if clause.evaluate == "tick" else ""],
    ]
    return digest_of(said)[:16]


def _assigned(action: Action) -> tuple[str, ...]:
    return (action.name,) if isinstance(action, Assign) else ()
