"""Which rules hear each other, and so are evaluated row by row and not one after the other."""

from collections.abc import Iterable, Iterator, Sequence

from whispr_daemon.rules.actions import Emit
from whispr_daemon.rules.compile.parts import asked, tops
from whispr_daemon.rules.nodes import Said
from whispr_daemon.rules.rule import Rule
from whispr_daemon.rules.tree import walk


def says(rule: Rule) -> frozenset[str]:
    """Return the signals a rule may emit."""
    return frozenset(
        action.name
        for clause in rule.clauses
        for action in (*clause.actions, *clause.on_timeout)
        if isinstance(action, Emit)
    )


def hears(rule: Rule) -> frozenset[str]:
    """Return the signals a rule asks about."""
    return frozenset(_asked_about(rule))


def _asked_about(rule: Rule) -> Iterator[str]:
    whole = [] if rule.when is None else [rule.when]
    for clause in rule.clauses:
        whole += [*tops(clause), *asked(clause)]
    return (node.signal for top in whole for node in walk(top) if isinstance(node, Said))


def groups(rules: Sequence[Rule]) -> list[list[int]]:
    """Return the rules by number, those together that hear each other, however indirectly."""
    group = list(range(len(rules)))
    said, heard = [says(rule) for rule in rules], [hears(rule) for rule in rules]
    for one in range(len(rules)):
        for other in range(len(rules)):
            if one != other and said[one] & heard[other]:
                kept, gone = sorted((group[one], group[other]))
                group = [kept if at == gone else at for at in group]
    return [
        [number for number, at in enumerate(group) if at == each] for each in dict.fromkeys(group)
    ]


def ranked(rules: Iterable[Rule]) -> list[Rule]:
    """Return rules by priority, highest first; then who is heard before who hears; then by name.

    Rules that hear each other in a circle (a mistake that loading reports) stand by name.
    """
    left = sorted(rules, key=lambda rule: (-rule.priority, rule.name))
    done: list[Rule] = []
    while left:
        equal = [rule for rule in left if rule.priority == left[0].priority]
        free = (
            rule
            for rule in equal
            if not any(other is not rule and says(other) & hears(rule) for other in equal)
        )
        following = next(free, equal[0])
        done.append(following)
        left.remove(following)
    return done
