"""From what was written down at an evaluation to an explanation in words."""

from collections.abc import Sequence
from typing import Final

from whispr_daemon.domain.timeframe import CODE_OF, NANOS_OF
from whispr_daemon.rules.compile.record import SUPPRESSED, Verdict
from whispr_daemon.rules.explain.evaluated_tree import Moment, culprit, told
from whispr_daemon.rules.explain.explanation import Explanation, Outcome
from whispr_daemon.rules.explain.figures import shown
from whispr_daemon.rules.explain.watching import Look, Watch
from whispr_daemon.rules.explain.where import Where
from whispr_daemon.rules.explain.words import action_in_words
from whispr_daemon.rules.nodes import Node, Type
from whispr_daemon.rules.rule import Clause
from whispr_daemon.rules.spelling import duration, spelling
from whispr_daemon.rules.turn import Evaluated

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
            found.append(_Explaining(watch, symbol, looks, where, number).told())
    return found


class _Explaining:
    """One evaluation of a clause, with those before it."""

    def __init__(
        self, watch: Watch, symbol: str, looks: Sequence[Look], where: Where, number: int
    ) -> None:
        self._watch = watch
        self._rule = watch.rule
        self._symbol = symbol
        self._number = number
        self._looks = looks
        self._where = where
        self._now = looks[-1]
        timeframe = self._rule.inputs.timeframe
        bar = self._now.ts - NANOS_OF[CODE_OF[timeframe]]
        price = self._rule.inputs.price
        self._moment = Moment(
            self._now.seen_by(number),
            looks[-2].seen_by(number) if len(looks) > 1 else {},
            f"bar {where.clock(bar)}, {symbol} {timeframe}"
            if self._now.evaluate == "bar_close"
            else f"last complete bar, {symbol} {timeframe}",
            f"{'trade' if price == 'last' else price} at {where.clock(self._now.ts)}, {symbol}",
            "" if watch.settings.pinned_levels else where.session_before(bar),
        )

    def told(self) -> Explanation:
        """Explain the clause."""
        number = self._number
        clause = self._rule.clauses[number]
        found = self._now.verdicts.get(number)
        verdict = Verdict.OFF if found is None else found.verdict
        outcome: Outcome = "no"
        if verdict is Verdict.FIRED:
            outcome = "fired"
        elif verdict in SUPPRESSED:
            outcome = "suppressed"
        nodes = list(clause.conditions)
        tree = tuple(told(node, self._moment) for node in nodes)
        return Explanation(
            rule=self._rule.name,
            version=self._rule.version,
            clause=clause.id,
            symbol=self._symbol,
            ts=self._now.ts,
            time=self._where.local(self._now.ts).isoformat(),
            kind=_kind(clause),
            outcome=outcome,
            reason="" if outcome == "fired" else verdict.name.lower(),
            because="" if outcome == "fired" else self._because(number, clause, verdict),
            tree=tree,
            facts=tuple(self._facts(clause, found)),
            actions=tuple(self._actions(clause)),
        )

    # ------------------------------------------------------------------ why not
    def _because(self, number: int, clause: Clause, verdict: Verdict) -> str:  # noqa: C901 (a verdict each)
        rule = self._rule
        match verdict:
            case Verdict.FALSE | Verdict.NA:
                return self._culprit(clause)
            case Verdict.WHEN | Verdict.GATED:
                gate = "" if rule.when is None else self._value(culprit(rule.when, self._moment))
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
                return self._now.waits or "warming"
            case Verdict.OFF:
                return "the clause is off" if clause.mode == "off" else "stopped by its errors"
            case _:
                return ""

    def _split(self) -> str:
        """Name the split after which this is the first evaluation."""
        read = (self._symbol, *self._rule.inputs.refs.values())
        found = self._watch.splits.last(read, self._now.ts)
        if found is None:
            return "the first evaluation after a split"
        symbol, split = found
        since = self._where.local(split.ts).date().isoformat()
        return (
            f"the first evaluation since prices of {symbol} before {since} are multiplied by "
            f"{split.price:.10g}"
        )

    def _culprit(self, clause: Clause) -> str:
        if clause.condition is not None:
            return self._value(culprit(clause.condition, self._moment))
        done = 0
        if clause.sequence is None:
            return ""
        steps = clause.sequence.steps
        for found in self._now.verdicts.values():
            if self._rule.clauses[found.clause : found.clause + 1] == (clause,):
                done = found.code
        if done < len(steps):
            step = steps[done]
            return (
                f"{done} of {len(steps)} steps done; waits for "
                f"{step.name}: {self._value(culprit(step.condition, self._moment))}"
            )
        return f"{done} of {len(steps)} steps done"

    def _value(self, node: Node) -> str:
        number = self._moment.number(node)
        return f"{spelling(node)} is {'?' if number is None else shown(node, number)}"

    def _pending(self, number: int, clause: Clause) -> str:
        since = self._now.ts
        for look in reversed(self._looks):
            if look.verdict(number) is not Verdict.PENDING:
                break
            since = look.ts
        held = duration(self._now.ts - since)
        return f"true since {self._where.clock(since)}: {held} of for {duration(clause.hold)}"

    def _no_edge(self, number: int) -> str:
        since, known = self._now.ts, False
        for look in reversed(self._looks[:-1]):
            if look.verdict(number) in (Verdict.FALSE, Verdict.NA, Verdict.WARMING, None):
                known = look.verdict(number) is Verdict.FALSE
                break
            since = look.ts
        first = "" if known else ", when it was first known"
        return (
            f"true since {self._where.clock(since)}{first}: a condition fires when it becomes true "
            "after it was seen false"
        )

    def _cooldown(self, number: int, clause: Clause) -> str:
        fires = self._fires(number)
        left = fires[-1] + clause.cooldown - self._now.ts if fires else 0
        return (
            f"fired {self._last(number)}; {duration(left)} of cooldown "
            f"{duration(clause.cooldown)} left"
        )

    def _fires(self, number: int) -> list[int]:
        fires = self._watch.fires(self._symbol, self._rule.clauses[number].id)
        return [ts for ts in fires if ts < self._now.ts]

    def _last(self, number: int) -> str:
        fires = self._fires(number)
        return self._where.clock(fires[-1]) if fires else "before"

    # ------------------------------------------------------------------ beside
    def _facts(self, clause: Clause, found: Evaluated | None) -> list[str]:
        facts = []
        rule = self._rule
        if rule.when is not None:
            number = self._moment.number(rule.when)
            text = "?" if number is None else _TRUTHS.get(number, "na")
            facts.append(f"when: {spelling(rule.when)} = {text}")
        waits = found is not None and found.verdict not in (Verdict.WARMING, Verdict.FIRED)
        if self._now.waits and waits:
            facts.append(f"warm-up: {self._now.waits}")
        if "shadow" in (rule.mode, clause.mode):
            facts.append("mode: shadow, actions are only recorded")
        if found is not None and found.verdict in (Verdict.FIRED, *SUPPRESSED):
            event = _kind(clause) != "condition"
            if event and found.direction:
                facts.append(f"dir={found.direction}, gap={str(found.gap).lower()}")
        return facts

    def _actions(self, clause: Clause) -> list[str]:
        return [
            action_in_words(output)
            for output in self._watch.outputs
            if (output.ts_event, output.instrument) == (self._now.ts, self._symbol)
            and output.data.get("clause") == clause.id
            and "action" in output.data
        ]


def _kind(clause: Clause) -> str:
    if clause.sequence is not None or clause.condition is None:
        return "sequence"
    return "event" if clause.condition.type is Type.EVENT else "condition"
