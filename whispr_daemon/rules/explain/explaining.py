"""From what was written down at an evaluation to an explanation in words."""

from typing import Final

from whispr_daemon.rules.compile.record import SUPPRESSED, Verdict
from whispr_daemon.rules.explain.evaluated_tree import told
from whispr_daemon.rules.explain.evaluation import Evaluation
from whispr_daemon.rules.explain.explanation import Explanation, Outcome
from whispr_daemon.rules.explain.watching import Watch
from whispr_daemon.rules.explain.where import Where
from whispr_daemon.rules.explain.why_not import WhyNot
from whispr_daemon.rules.explain.words import action_in_words
from whispr_daemon.rules.nodes import Type
from whispr_daemon.rules.rule import Clause
from whispr_daemon.rules.spelling import spelling

_TRUTHS: Final = {1.0: "true", -1.0: "false"}


def explain(watch: Watch, symbol: str, ts: int, where: Where) -> list[Explanation]:
    """Explain every clause of the watched rule that was evaluated for an instrument then.

    Of several evaluations at one time it is the last.
    """
    before = [look for look in watch.looks(symbol) if look.ts <= ts]
    found: list[Explanation] = []
    for number, clause in enumerate(watch.rule.clauses):
        looks = [look for look in before if look.evaluate == clause.evaluate]
        if looks and looks[-1].ts == ts:
            found.append(_told(Evaluation(watch, symbol, looks, where, number)))
    return found


def _told(of: Evaluation) -> Explanation:
    outcome: Outcome = "no"
    if of.verdict is Verdict.FIRED:
        outcome = "fired"
    elif of.verdict in SUPPRESSED:
        outcome = "suppressed"
    fired = outcome == "fired"
    return Explanation(
        rule=of.rule.name,
        version=of.rule.version,
        clause=of.clause.id,
        symbol=of.symbol,
        ts=of.now.ts,
        time=of.where.iso(of.now.ts),
        kind=_kind(of.clause),
        outcome=outcome,
        reason="" if fired else of.verdict.name.lower(),
        because="" if fired else WhyNot(of).because(),
        tree=tuple(told(node, of.moment) for node in of.clause.conditions),
        facts=tuple(_facts(of)),
        actions=tuple(_actions(of)),
    )


def _facts(of: Evaluation) -> list[str]:
    facts = []
    rule, clause, found = of.rule, of.clause, of.found
    if rule.when is not None:
        number = of.moment.number(rule.when)
        text = "?" if number is None else _TRUTHS.get(number, "na")
        facts.append(f"when: {spelling(rule.when)} = {text}")
    waits = found is not None and found.verdict not in (Verdict.WARMING, Verdict.FIRED)
    if of.now.waits and waits:
        facts.append(f"warm-up: {of.now.waits}")
    if "shadow" in (rule.mode, clause.mode):
        facts.append("mode: shadow, actions are only recorded")
    if found is not None and found.verdict in (Verdict.FIRED, *SUPPRESSED):
        event = _kind(clause) != "condition"
        if event and found.direction:
            facts.append(f"dir={found.direction}, gap={str(found.gap).lower()}")
    return facts


def _actions(of: Evaluation) -> list[str]:
    return [
        action_in_words(output)
        for output in of.watch.outputs
        if (output.ts_event, output.instrument) == (of.now.ts, of.symbol)
        and output.data.get("clause") == of.clause.id
        and "action" in output.data
    ]


def _kind(clause: Clause) -> str:
    if clause.sequence is not None or clause.condition is None:
        return "sequence"
    return "event" if clause.condition.type is Type.EVENT else "condition"
