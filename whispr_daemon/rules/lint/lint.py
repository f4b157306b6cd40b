"""All that is odd about one rule."""

from collections.abc import Iterator
from itertools import permutations
from typing import Final, NamedTuple

from whispr_daemon.domain.timeframe import CODE_OF, HOUR, MINUTE, NANOS_OF
from whispr_daemon.rules.actions import Emit, Intend
from whispr_daemon.rules.diagnostics import Finding, Severity
from whispr_daemon.rules.lint.exits import reduces
from whispr_daemon.rules.lint.verdicts import verdict
from whispr_daemon.rules.lint.within_bar import has_the_bar, never_above
from whispr_daemon.rules.nodes import Call, Forming, Logic, Named, Node
from whispr_daemon.rules.rule import Clause, Rule
from whispr_daemon.rules.spelling import spelling
from whispr_daemon.rules.tree import canonical, children

_MOMENTARY: Final = ("cross_up", "cross_down", "crossover", "crossunder", "touch_new")
_LONGEST: Final = {"rth": 390 * MINUTE, "eth": 16 * HOUR, "24x7": 24 * HOUR}


class Remark(NamedTuple):
    """What was found, and the keys of the rule file that lead to the text it is about."""

    path: tuple[str | int, ...]
    finding: Finding


def lint(rule: Rule) -> Iterator[Remark]:
    """Yield what is odd about a rule, by clause."""
    if rule.when is not None:
        yield from _never(("when",), rule.when)
        yield from _repaints(("when",), rule.when)
    for index, clause in enumerate(rule.clauses):
        for path, node in _conditions(("logic", index), clause):
            yield from _never(path, node)
            yield from _repaints(path, node)
        yield from _times(rule, ("logic", index), clause)
        yield from _entries(("logic", index), clause)
        yield from _ticks(("logic", index), clause)
    yield from _twice(rule)


def _conditions(
    path: tuple[str | int, ...], clause: Clause
) -> Iterator[tuple[tuple[str | int, ...], Node]]:
    if clause.condition is not None:
        yield (*path, "if"), clause.condition
    if clause.sequence is not None:
        for at, step in enumerate(clause.sequence.steps):
            inner = ("absent", "if") if step.absent else (step.name,)
            yield (*path, "sequence", at, *inner), step.condition
        if clause.sequence.until is not None:
            yield (*path, "until"), clause.sequence.until
    if clause.rearm is not None:
        yield (*path, "rearm"), clause.rearm


def _never(path: tuple[str | int, ...], node: Node) -> Iterator[Remark]:
    if verdict(node) == -1:
        culprit = _culprit(node)
        message = f"this can never be true{_the_bar_itself(culprit)}"
        yield Remark(path, _warning(culprit.start, "W302", message))


def _culprit(node: Node) -> Node:
    """Return the part that alone makes an ``and`` never true, else the whole."""
    while isinstance(node, Logic) and node.op == "and":
        worst = next((operand for operand in node.operands if verdict(operand) == -1), None)
        if worst is None:
            break
        node = worst
    return node


def _the_bar_itself(node: Node) -> str:
    """Return what is wrong with ``price > highest(high, 20)``, nothing of other conditions."""
    for part in children(node):
        extreme = has_the_bar(part)
        if extreme is not None and any(never_above(*pair) for pair in permutations(children(node))):
            shown, source = spelling(extreme), spelling(children(extreme)[0])
            earlier = f"{extreme.function}({source}[1], {extreme.length})"
            return f": {shown} has this bar in it; of the bars before it is {earlier}"
    return ""


def _repaints(path: tuple[str | int, ...], node: Node) -> Iterator[Remark]:
    for part in _written(node):
        if isinstance(part, Forming):
            message = "forming(…) repaints: it has a value that the complete bar may not have"
            yield Remark(path, _warning(part.start, "W310", message))


def _times(rule: Rule, path: tuple[str | int, ...], clause: Clause) -> Iterator[Remark]:
    bar = NANOS_OF[CODE_OF[rule.inputs.timeframe]]
    if 0 < clause.hold < bar and clause.evaluate == "bar_close":
        message = f"'for' is shorter than a bar of {rule.inputs.timeframe}: it holds at the next"
        yield Remark((*path, "for"), _warning(0, "W320", message))
    if clause.hold >= bar and clause.evaluate == "bar_close" and _passes(clause):
        message = (
            "what happens at one evaluation never holds 'for' so long: ask for what lasts, as "
            "price > atr.38 instead of cross_up(price, atr.38)"
        )
        yield Remark((*path, "for"), _warning(0, "W302", message))
    longest = _LONGEST[rule.inputs.session]
    within = 0 if clause.sequence is None else clause.sequence.within
    if within > longest and not clause.span_sessions and bar < 24 * HOUR:
        message = "'within' is longer than a session, at whose end a sequence is dropped"
        hint = " (span_sessions: true keeps it)"
        yield Remark((*path, "within"), _warning(0, "W321", message + hint))


def _passes(clause: Clause) -> bool:
    """Is it over at the next evaluation, whatever comes?"""
    if clause.sequence is not None:
        return len(clause.sequence.steps) > 1 and not clause.sequence.same_bar
    return clause.condition is not None and _is_momentary(clause.condition)


def _is_momentary(node: Node) -> bool:
    """Is an event never true twice in a row? One of an ``and`` suffices."""
    match node:
        case Named(node=inner):
            return _is_momentary(inner)
        case Logic(op="and", operands=operands):
            return any(map(_is_momentary, operands))
        case Call(function=function):
            return function in _MOMENTARY
        case _:
            return False


def _entries(path: tuple[str | int, ...], clause: Clause) -> Iterator[Remark]:
    for at, action in enumerate(clause.actions):
        if not isinstance(action, Intend) or action.verb != "order":
            continue
        if reduces(clause, str(action.written.get("side"))):
            continue
        lacks = [] if "stop" in action.written else ["a stop"]
        if not (clause.cooldown or clause.limits or clause.rearm is not None):
            lacks.append("a cooldown (or once, max_fires, rearm)")
        if lacks:
            message = f"an entry without {' and '.join(lacks)}"
            yield Remark((*path, "then", at), _warning(0, "W330", message))


def _ticks(path: tuple[str | int, ...], clause: Clause) -> Iterator[Remark]:
    if clause.evaluate == "tick":
        message = "evaluated on ticks: may differ from a backtest on bars"
        yield Remark((*path, "if"), _info(0, "W311", message))


def _twice(rule: Rule) -> Iterator[Remark]:
    seen: dict[tuple[str, str], str] = {}
    for index, clause in enumerate(rule.clauses):
        if clause.condition is None:
            continue
        condition = canonical(clause.condition)
        for at, action in enumerate(clause.actions):
            if not isinstance(action, Emit):
                continue
            first = seen.setdefault((action.name, condition), clause.id)
            if first != clause.id:
                message = f"{first} emits {action.name} from the same condition"
                path = ("logic", index, "then", at)
                yield Remark(path, _warning(0, "W303", message))


def _written(node: Node) -> Iterator[Node]:
    """Yield the nodes that stand in the text itself, not in what its ``let`` names stand for."""
    todo = [node]
    while todo:
        part = todo.pop()
        yield part
        if not isinstance(part, Named) or part.built_in:
            todo += reversed(children(part))


def _warning(start: int, code: str, message: str) -> Finding:
    return _finding(start, code, message, "warning")


def _info(start: int, code: str, message: str) -> Finding:
    return _finding(start, code, message, "info")


def _finding(start: int, code: str, message: str, severity: Severity) -> Finding:
    return Finding(start=start, code=code, message=message, severity=severity)
