"""Rules are evaluated by priority, then after those whose signals they hear, then by name."""

from whispr_daemon.rules.load import Loaded, RuleFile, load
from whispr_daemon.rules.order import coupled, heard_by, in_order


def rule(name: str, *, hears: str = "", says: str = "", priority: int = 0) -> RuleFile:
    condition = f"count('{hears}') > 0" if hears else "price > 1"
    text = (
        f"name: {name}\npriority: {priority}\nlogic:\n"
        f'  - if: "{condition}"\n    then: ["emit:{says or name.upper()}"]\n'
    )
    return RuleFile(f"{name}.yaml", text)


def loaded(*files: RuleFile) -> Loaded:
    return load(files)


def test_who_hears_a_signal_comes_after_who_says_it() -> None:
    rules = loaded(rule("a", hears="C"), rule("b"), rule("c", hears="B")).rules
    assert [one.name for one in in_order(rules)] == ["b", "c", "a"]


def test_priority_goes_before_signals_and_signals_before_names() -> None:
    rules = loaded(rule("a", hears="B", priority=1), rule("b"), rule("z", priority=2)).rules
    assert [one.name for one in in_order(rules)] == ["z", "a", "b"]


def test_rules_that_hear_each_other_are_a_group_others_are_alone() -> None:
    rules = loaded(rule("a", hears="B"), rule("b"), rule("c"), rule("d", hears="B")).rules
    groups = [[one.name for one in group] for group in coupled(rules)]
    assert groups == [["b", "a", "d"], ["c"]]


def test_a_rule_hears_whom_it_asks_and_whom_those_ask() -> None:
    found = loaded(
        rule("a", says="A"),
        rule("b", hears="A", says="B"),
        rule("c", hears="B", says="C"),
        rule("d"),
    ).rules
    names = {one.name: [other.name for other in heard_by(one, found)] for one in found}
    assert names == {"a": ["a"], "b": ["a", "b"], "c": ["a", "b", "c"], "d": ["d"]}


def test_a_circle_is_refused_and_who_only_hears_it_is_not() -> None:
    found = loaded(
        rule("a", hears="B"), rule("b", hears="A"), rule("c", hears="A"), rule("d", hears="D")
    )
    assert [one.name for one in found.rules] == ["c", "d"]
    assert [str(one) for one in found.errors] == [
        "a.yaml:1:7: E602 rules hear each other's signals in a circle: a → b → a",
        "b.yaml:1:7: E602 rules hear each other's signals in a circle: a → b → a",
    ]


def test_a_signal_nobody_says_is_warned_of() -> None:
    found = loaded(rule("a", hears="BULL2"), rule("bull1"), rule("c", hears="BULL1"))
    assert [str(one) for one in found.diagnostics if one.code == "W203"] == [
        "a.yaml:4:10: W203 no rule emits 'BULL2' (did you mean 'BULL1'?)"
    ]
    assert len(found.rules) == 3
