"""What the compiler needs of a clause: its expressions, and the values that are written down."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from whispr_daemon.rules.actions import Emit, reads
from whispr_daemon.rules.column import Column
from whispr_daemon.rules.functions.function import Written
from whispr_daemon.rules.functions.table import FUNCTIONS, fold_of
from whispr_daemon.rules.nodes import Arithmetic, AsOf, Call, Forming, Node, Series, Text, Type
from whispr_daemon.rules.rule import Clause, Rule
from whispr_daemon.rules.tree import canonical, children, is_constant


class Part(NamedTuple):
    """One clause, ready to be written.

    ``shown`` are the nodes whose values every record has, in order: first those that decide, then
    those of the actions; constants are among them only where an action asks for one.
    """

    number: int  # in the rule
    clause: Clause
    when: Node | None
    shown: tuple[Node, ...]
    shadow: bool

    @property
    def trees(self) -> tuple[Node, ...]:
        """All its expressions, and the gate."""
        return self.clause.trees if self.when is None else (*self.clause.trees, self.when)


def parts_of(rule: Rule, numbers: Iterable[int]) -> list[Part]:
    """Return the parts of some of a rule's clauses; those that are off have none."""
    return [
        Part(number, clause, rule.when, tuple(_shown(clause, rule.when)), shadow)
        for number, clause, shadow in at_work(rule, numbers)
    ]


def at_work(rule: Rule, numbers: Iterable[int]) -> Iterator[tuple[int, Clause, bool]]:
    """Yield the clauses that are not off: the number, the clause, and if it speaks in shadow."""
    for number in numbers:
        clause = rule.clauses[number]
        if "off" not in (rule.mode, clause.mode):
            yield number, clause, "shadow" in (rule.mode, clause.mode)


def emitted(clause: Clause) -> Iterator[str]:
    """Yield the signals a clause says."""
    for action in (*clause.actions, *clause.on_timeout):
        if isinstance(action, Emit):
            yield action.name


def asked(clause: Clause) -> Iterator[Node]:
    """Yield the expressions that the actions of a clause need."""
    for action in (*clause.actions, *clause.on_timeout):
        yield from reads(action)


def computed(node: Node) -> Iterator[Node]:
    """Yield a node and what of it is computed row by row: not what its columns are made of."""
    yield node
    if not isinstance(node, Series | AsOf | Forming):
        for child in children(node):
            yield from computed(child)


def remembers(node: Node) -> bool:
    """Has the node, or one below, state that must see every bar?"""
    return any(_has_state(one) for one in computed(node) if isinstance(one, Call))


def may_fail(part: Part) -> bool:
    """Does the rule itself reckon in the clause, so that it may divide by zero?"""
    return any(_reckons(node) for top in part.trees for node in computed(top))


def faults_of(node: Node) -> Iterator[Column]:
    """Yield the columns that say where functions of plug-ins raised which an expression reads."""
    if isinstance(node, AsOf | Forming):
        yield from carried_faults(node).values()
        return
    if isinstance(node, Series) and fold_of(node.function).bound is not None:
        yield Column(canonical(node), "fault")
    for child in children(node):
        yield from faults_of(child)


def carried_faults(node: AsOf | Forming) -> Mapping[Column, Column]:
    """Return those of the other clock by their names here."""
    key = canonical(node)
    return {fault: Column(f"{key} {fault.key}", "fault") for fault in faults_of(node.node)}


def _reckons(node: Node) -> bool:
    if isinstance(node, Arithmetic):
        return not node.quiet
    return isinstance(node, Call) and node.type in (Type.NUM, Type.LEVEL)


def _has_state(call: Call) -> bool:
    lowering = FUNCTIONS[call.function].lowering
    return call.type is Type.EVENT or (isinstance(lowering, Written) and lowering.remembers)


def _shown(clause: Clause, when: Node | None) -> Iterator[Node]:
    seen: set[tuple[str, str]] = set()
    deciding = [*clause.conditions, *([] if when is None else [when])]
    wanted = [node for top in deciding for node in computed(top) if not is_constant(node)]
    for top in asked(clause):
        wanted += [top, *(node for node in computed(top) if not is_constant(node))]
    for node in wanted:
        key = (canonical(node), getattr(node, "name", ""))
        if key not in seen and not isinstance(node, Text):
            seen.add(key)
            yield node
