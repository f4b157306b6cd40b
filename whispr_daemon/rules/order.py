"""Which rule is evaluated before which: by priority, by the signals they hear, by name."""

from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from whispr_daemon.rules.actions import Emit
from whispr_daemon.rules.rule import Rule
from whispr_daemon.rules.tree import said_in


def emits(rule: Rule) -> frozenset[str]:
    """Return the signals a rule says."""
    actions = (
        action for clause in rule.clauses for action in (*clause.actions, *clause.on_timeout)
    )
    return frozenset(action.name for action in actions if isinstance(action, Emit))


def asks(rule: Rule) -> frozenset[str]:
    """Return the signals a rule asks for: ``emitted``, ``since``, ``count``."""
    tops = [] if rule.when is None else [rule.when]
    tops += (tree for clause in rule.clauses for tree in clause.trees)
    return frozenset(said.signal for said in said_in(tops))


def in_order(rules: Iterable[Rule]) -> list[Rule]:
    """Return rules as they are evaluated: by priority, then who says before who hears, then name.

    Among rules that hear each other in a circle, the name decides; see :func:`cycles`.
    """
    listed = list(rules)
    return _in_order(listed, _hears(listed))


def _in_order(rules: Iterable[Rule], hears: Mapping[str, set[str]]) -> list[Rule]:
    ranked = sorted(rules, key=lambda rule: (-rule.priority, rule.name))
    named = {rule.name: rule for rule in ranked}
    peers: dict[int, set[str]] = {}
    for rule in ranked:
        peers.setdefault(rule.priority, set()).add(rule.name)
    ordered: dict[str, Rule] = {}
    for rule in ranked:
        for name in _before(rule.name, hears, peers[rule.priority], ordered):
            ordered[name] = named[name]
    return list(ordered.values())


def coupled(rules: Iterable[Rule]) -> list[list[Rule]]:
    """Return the rules in order, in groups of those that hear each other, directly or not.

    What rules of different groups do is the same whichever is evaluated first.
    """
    listed = list(rules)
    hears = _hears(listed)
    ordered = _in_order(listed, hears)
    group: dict[str, list[Rule]] = {rule.name: [rule] for rule in ordered}
    for name, others in hears.items():
        for other in others:
            if group[name] is not group[other]:
                joined = [*group[name], *group[other]]
                for rule in joined:
                    group[rule.name] = joined
    place = {rule.name: at for at, rule in enumerate(ordered)}
    found = {id(members): members for members in group.values()}
    groups = [sorted(members, key=lambda rule: place[rule.name]) for members in found.values()]
    return sorted(groups, key=lambda members: place[members[0].name])


def heard_by(rule: Rule, rules: Iterable[Rule]) -> list[Rule]:
    """Return the rules whose signals a rule hears, directly or not, and itself."""
    named = {one.name: one for one in rules}
    hears = _hears(named.values())
    found = {rule.name}
    todo = [rule.name]
    while todo:
        more = hears[todo.pop()] - found
        found |= more
        todo += more
    return [one for name, one in named.items() if name in found]


def sayers_first(rules: Iterable[Rule]) -> list[Rule] | None:
    """Return rules such that who says comes before who hears; None if they do so in a circle."""
    named = {rule.name: rule for rule in rules}
    hears = {name: sorted(others) for name, others in _hears(named.values()).items()}
    try:
        return [named[name] for name in TopologicalSorter(hears).static_order()]
    except CycleError:
        return None


def cycles(rules: Sequence[Rule]) -> list[tuple[str, ...]]:
    """Return the names of rules that hear each other in a circle, a circle each, in its order."""
    hears = _hears(rules)
    left = dict(hears)
    while True:  # who hears nobody left, or is heard by nobody left, is in no circle
        heard = {other for others in left.values() for other in others}
        kept = {
            name: {other for other in others if other in left}
            for name, others in left.items()
            if others & left.keys() and name in heard
        }
        if kept == left:
            break
        left = kept
    found: list[tuple[str, ...]] = []
    seen: set[str] = set()
    for start in sorted(left):
        trail: list[str] = []
        name = start
        while name not in seen and name not in trail:
            trail.append(name)
            name = min(left[name])
        if name in trail:
            found.append(tuple(trail[trail.index(name) :]))
        seen.update(trail)
    return found


def _hears(rules: Iterable[Rule]) -> Mapping[str, set[str]]:
    """Return whose signals each rule hears, its own excepted."""
    listed = list(rules)
    said: dict[str, set[str]] = {}
    for rule in listed:
        for signal in emits(rule):
            said.setdefault(signal, set()).add(rule.name)
    return {
        rule.name: {
            name for signal in asks(rule) for name in said.get(signal, ()) if name != rule.name
        }
        for rule in listed
    }


def _before(
    name: str, hears: Mapping[str, set[str]], peers: set[str], done: Mapping[str, Rule]
) -> list[str]:
    """Return what is yet to come before a rule among its peers, and the rule."""
    found: list[str] = []
    todo: list[tuple[str, bool]] = [(name, False)]
    seen: set[str] = set()
    while todo:
        each, ready = todo.pop()
        if ready:
            found.append(each)
        elif each not in seen and each not in done:
            seen.add(each)
            todo.append((each, True))
            todo += ((other, False) for other in sorted(hears[each] & peers, reverse=True))
    return found
