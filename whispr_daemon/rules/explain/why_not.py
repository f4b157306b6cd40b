"""What kept a clause from firing, in a sentence."""

import math
from typing import Final

from whispr_daemon.rules.compile.record import Verdict
from whispr_daemon.rules.explain.evaluated_tree import culprit
from whispr_daemon.rules.explain.evaluation import Evaluation
from whispr_daemon.rules.explain.figures import shown
from whispr_daemon.rules.functions.warmth import warmth
from whispr_daemon.rules.nodes import (
    AsOf,
    Forming,
    Level,
    LevelValue,
    Node,
    Series,
    SessionValue,
)
from whispr_daemon.rules.rule import Clause
from whispr_daemon.rules.spelling import duration, spelling
from whispr_daemon.rules.tree import walk

_WARMED: Final = (Series, AsOf, Forming, Level, LevelValue, SessionValue)


class WhyNot:
    """Says what kept the clause of an evaluation from firing."""

    def __init__(self, of: Evaluation) -> None:
        """Take the evaluation."""
        self._of = of

    def because(self) -> str:  # noqa: C901 (a verdict each)
        """Return it in a sentence; of a clause that is off or stays silent, too."""
        number, clause, verdict = self._of.number, self._of.clause, self._of.verdict
        rule = self._of.rule
        match verdict:
            case Verdict.FALSE | Verdict.NA:
                return self._culprit(clause)
            case Verdict.WHEN | Verdict.GATED:
                gate = "" if rule.when is None else self._value(culprit(rule.when, self._of.moment))
                return f"the gate 'when' is shut: {gate}"
            case Verdict.GAP:
                return f"gap: {clause.gap}"
            case Verdict.PENDING:
                return self._pending(number, clause)
            case Verdict.NO_EDGE:
                return self._no_edge(number)
            case Verdict.SPLIT:
                return self._split()
            case Verdict.REARM:
                text = "" if clause.rearm is None else spelling(clause.rearm)
                return f"not armed again since {self._last(number)}: rearm is {text}"
            case Verdict.ONCE | Verdict.MAX_FIRES:
                scopes = [f"{one.count} a {one.per}" for one in clause.limits]
                return f"fired {self._last(number)}; at most {', '.join(scopes)}"
            case Verdict.COOLDOWN:
                return self._cooldown(number, clause)
            case Verdict.WARMING:
                return self._warming()
            case Verdict.OFF:
                return "the clause is off" if clause.mode == "off" else "stopped by its errors"
            case _:
                return ""

    def _split(self) -> str:
        """Name the split after which this is the first evaluation."""
        read = (self._of.symbol, *self._of.rule.inputs.refs.values())
        found = self._of.watch.splits.last(read, self._of.now.ts)
        if found is None:
            return "the first evaluation after a split"
        symbol, split = found
        since = self._of.where.local(split.ts).date().isoformat()
        return (
            f"the first evaluation since prices of {symbol} before {since} are multiplied by "
            f"{split.price:.10g}"
        )

    def _culprit(self, clause: Clause) -> str:
        if clause.condition is not None:
            return self._value(culprit(clause.condition, self._of.moment))
        done = 0
        if clause.sequence is None:
            return ""
        steps = clause.sequence.steps
        for found in self._of.now.verdicts.values():
            if self._of.rule.clauses[found.clause : found.clause + 1] == (clause,):
                done = found.code
        if done < len(steps):
            step = steps[done]
            return (
                f"{done} of {len(steps)} steps done; waits for "
                f"{step.name}: {self._value(culprit(step.condition, self._of.moment))}"
            )
        return f"{done} of {len(steps)} steps done"

    def _value(self, node: Node) -> str:
        number = self._of.moment.number(node)
        return f"{spelling(node)} is {'?' if number is None else shown(node, number)}"

    def _warming(self) -> str:
        """Return how far warm-up is, and what of all that has no value yet needs most bars."""
        waits = self._of.now.waits or "warming"
        unknown = [
            node
            for top in self._of.clause.conditions
            for node in walk(top)
            if isinstance(node, _WARMED) and math.isnan(self._of.moment.number(node) or 0.0)
        ]
        if not unknown:
            return waits
        return f"{waits}: {spelling(max(unknown, key=_formed))} is na"

    def _pending(self, number: int, clause: Clause) -> str:
        since = self._of.now.ts
        for look in reversed(self._of.looks):
            if look.verdict(number) is not Verdict.PENDING:
                break
            since = look.ts
        held = duration(self._of.now.ts - since)
        return f"true since {self._of.where.clock(since)}: {held} of for {duration(clause.hold)}"

    def _no_edge(self, number: int) -> str:
        since, known = self._of.now.ts, False
        for look in reversed(self._of.looks[:-1]):
            if look.verdict(number) in (Verdict.FALSE, Verdict.NA, Verdict.WARMING, None):
                known = look.verdict(number) is Verdict.FALSE
                break
            since = look.ts
        begin = self._of.where.clock(since) + ("" if known else ", when it was first known")
        return f"true since {begin}: a condition fires when it becomes true after it was seen false"

    def _cooldown(self, number: int, clause: Clause) -> str:
        fires = self._fires(number)
        left = fires[-1] + clause.cooldown - self._of.now.ts if fires else 0
        return (
            f"fired {self._last(number)}; {duration(left)} of cooldown "
            f"{duration(clause.cooldown)} left"
        )

    def _fires(self, number: int) -> list[int]:
        fires = self._of.watch.fires(self._of.symbol, self._of.rule.clauses[number].id)
        return [ts for ts in fires if ts < self._of.now.ts]

    def _last(self, number: int) -> str:
        fires = self._fires(number)
        return self._of.where.clock(fires[-1]) if fires else "before"


def _formed(node: Node) -> int:
    return warmth(node).formed
