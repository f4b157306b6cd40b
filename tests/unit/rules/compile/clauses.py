"""Rules made by hand, clause by clause, and what they say over a few closes."""

from collections.abc import Sequence
from typing import Any

from tests.unit.rules.bars import close_rows, ns
from tests.unit.rules.market import engine, fold
from whispr_daemon.domain.outputs import Audit, Output
from whispr_daemon.rules.actions import Emit
from whispr_daemon.rules.check.expression import check
from whispr_daemon.rules.check.scope import Scope
from whispr_daemon.rules.message import Message, read_message
from whispr_daemon.rules.nodes import Compare, Const, Logic, Node, Said, Type, Variable
from whispr_daemon.rules.rule import Clause, Rule, Step

START = ns("2026-06-24", "09:30")


def expression(written: str | Node) -> Node:
    """Return the typed tree of an expression; a tree is one already."""
    if not isinstance(written, str):
        return written
    checked = check(written, Scope())
    assert checked.node is not None, [found.message for found in checked.findings]
    return checked.node


def message(written: str) -> Message:
    """Return a message as read."""
    read, findings = read_message(written, 0, Scope())
    assert findings == []
    return read


def clause(condition: str | Node | None, **fields: Any) -> Clause:
    """Return a clause that emits S unless it is told ``actions``."""
    whole = {"id": "c", "digest": repr((condition, fields)), "actions": (Emit(name="S"),), **fields}
    return Clause(condition=None if condition is None else expression(condition), **whole)


def step(name: str, condition: str | Node, absent: int = 0) -> Step:
    """Return a step of a sequence."""
    return Step(name=name, condition=expression(condition), absent=absent)


def rule(*clauses: Clause, **fields: Any) -> Rule:
    """Return a rule of clauses; ``when`` may be text."""
    when = fields.pop("when", None)
    return Rule(
        **{"name": "r", "path": "r.yaml", "hash": "0" * 64, **fields},
        clauses=clauses,
        when=None if when is None else expression(when),
    )


def said(outputs: Sequence[Output], start: int = START) -> list[str]:
    """Return what is said by the minute of evaluation: ``2 S up``, ``3 suppressed cooldown``."""
    lines = []
    for one in outputs:
        minute = (one.ts_event - start) // 60_000_000_000
        tail = one.data.get("reason", "") if isinstance(one, Audit) else one.direction
        lines.append(f"{minute} {one.name} {tail}".strip())
    return lines


def says(one: Rule | Clause, closes: Sequence[float | None], **settings: Any) -> list[str]:
    """Return what a rule, or a rule of one clause, says over minutes of these closes."""
    made = one if isinstance(one, Rule) else rule(one)
    return said(fold(engine(made, **settings), close_rows(list(closes), START)))


# --- what takes other nodes than the words at hand
def above(node: Node, value: float, op: str = ">") -> Node:
    """Return the condition that a node is above a value."""
    constant = Const(type=Type.NUM, start=0, end=0, value=value)
    return Compare(type=Type.BOOL, start=0, end=0, op=op, left=node, right=constant)


def both(*nodes: Node) -> Node:
    """Return ``a and b``: an event if one of them is."""
    events = any(node.type is Type.EVENT for node in nodes)
    kind = Type.EVENT if events else Type.BOOL
    return Logic(type=kind, start=0, end=0, op="and", operands=nodes)


def count(signal: str, scope: Any = "session") -> Said:
    """Return ``count('signal', scope)``."""
    return Said(type=Type.NUM, start=0, end=0, question="count", signal=signal, scope=scope)


def since(signal: str) -> Said:
    """Return ``since('signal')``."""
    return Said(type=Type.DUR, start=0, end=0, question="since", signal=signal)


def emitted(signal: str) -> Said:
    """Return ``emitted('signal')``."""
    return Said(type=Type.EVENT, start=0, end=0, question="emitted", signal=signal)


def variable(name: str) -> Variable:
    """Return a variable of the rule."""
    return Variable(type=Type.NUM, start=0, end=0, name=name)
