"""Who says and who hears what: rules, clauses and signals, as a graph and as text."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from whispr_daemon.rules.actions import Emit
from whispr_daemon.rules.meaning import clause_in_words
from whispr_daemon.rules.nodes import AsOf, Node, Said
from whispr_daemon.rules.order import in_order
from whispr_daemon.rules.rule import Clause, Rule
from whispr_daemon.rules.spelling import spelling
from whispr_daemon.rules.tree import walk

GATE = "when"  # stands for the clause where a gate hears a signal


class Edge(NamedTuple):
    """A clause says a signal, or hears one."""

    rule: str
    clause: str
    signal: str


class Graph(NamedTuple):
    """Rules in the order in which they are evaluated, and the signals between them."""

    rules: tuple[Rule, ...]
    says: tuple[Edge, ...]
    hears: tuple[Edge, ...]

    @property
    def signals(self) -> tuple[str, ...]:
        """All signals, by name."""
        return tuple(sorted({edge.signal for edge in (*self.says, *self.hears)}))


def graph(rules: Iterable[Rule]) -> Graph:
    """Return the graph of some rules."""
    ordered = tuple(in_order(rules))
    says: list[Edge] = []
    hears: list[Edge] = []
    for rule in ordered:
        if rule.when is not None:
            hears += _heard(rule, GATE, [rule.when])
        for clause in rule.clauses:
            says += dict.fromkeys(
                Edge(rule.name, clause.id, action.name)
                for action in (*clause.actions, *clause.on_timeout)
                if isinstance(action, Emit)
            )
            hears += _heard(rule, clause.id, clause.trees)
    return Graph(ordered, tuple(says), tuple(hears))


def _heard(rule: Rule, clause: str, tops: Iterable[Node]) -> list[Edge]:
    found = [
        Edge(rule.name, clause, node.signal)
        for top in tops
        for node in walk(top)
        if isinstance(node, Said)
    ]
    return list(dict.fromkeys(found))


def as_text(found: Graph) -> str:
    """Return the rules in order, each with the flow of its clauses; then the signals."""
    lines: list[str] = []
    for rule in found.rules:
        lines.append(_head(rule))
        lines += [] if rule.when is None else [f"  when {spelling(rule.when)}"]
        lines += (f"  {_flow(clause)}" for clause in rule.clauses)
    if found.signals:
        lines.append("signals")
    for signal in found.signals:
        said = _clauses(found.says, signal) or "nobody here"
        heard = _clauses(found.hears, signal) or "outlets only"
        lines.append(f"  {signal}: said by {said}; heard by {heard}")
    return "\n".join((*lines, ""))


def _head(rule: Rule) -> str:
    inputs = rule.inputs
    refs = {f"{alias} = {symbol}" for alias, symbol in inputs.refs.items()}
    tops = [node for clause in rule.clauses for node in clause.trees]
    tops += [] if rule.when is None else [rule.when]
    others = {
        node.timeframe
        for top in tops
        for node in walk(top)
        if isinstance(node, AsOf) and node.timeframe != inputs.timeframe
    }
    parts = [
        rule.name,
        inputs.timeframe,
        *(f"@{timeframe}" for timeframe in sorted(others)),
        inputs.session,
        ", ".join(inputs.symbols) or "the watchlist",
        *([f"refs {', '.join(sorted(refs))}"] if refs else []),
        *([f"priority {rule.priority}"] if rule.priority else []),
        *([rule.mode] if rule.mode != "live" else []),
        *([] if rule.enabled else ["not enabled"]),
    ]
    return "  ".join(parts)


def _flow(clause: Clause) -> str:
    """Return the way through a clause: condition → filters → actions."""
    said = dict(clause_in_words(clause))
    then = said.pop("then")
    late = said.pop("on_timeout", "")
    first = said.pop("if", "") or f"sequence {said.pop('sequence', '')}"
    steps = [first, *(f"{key} {text}" for key, text in said.items()), then]
    flow = f"{clause.id}: {' → '.join(steps)}"
    return f"{flow} (on timeout: {late})" if late else flow


def _clauses(edges: Sequence[Edge], signal: str) -> str:
    return ", ".join(f"{edge.rule}/{edge.clause}" for edge in edges if edge.signal == signal)
