"""One evaluation of a clause, with those before it."""

from collections.abc import Sequence

from whispr_daemon.domain.timeframe import CODE_OF, NANOS_OF
from whispr_daemon.rules.compile.record import Verdict
from whispr_daemon.rules.explain.evaluated_tree import Moment
from whispr_daemon.rules.explain.watching import Look, Watch
from whispr_daemon.rules.explain.where import Where


class Evaluation:
    """What there is to tell of.

    Attributes:
        rule, clause: what was evaluated.
        now: the evaluation.
        found, verdict: what came of the clause.
        moment: the values, and those of the evaluation before.
    """

    def __init__(
        self, watch: Watch, symbol: str, looks: Sequence[Look], where: Where, number: int
    ) -> None:
        """Take the evaluations of a clause (by its number) up to the one that is meant."""
        self.watch, self.symbol, self.looks, self.where = watch, symbol, looks, where
        self.number = number
        self.rule = watch.rule
        self.clause = self.rule.clauses[number]
        self.now = looks[-1]
        self.found = self.now.verdicts.get(number)
        self.verdict = Verdict.OFF if self.found is None else self.found.verdict
        timeframe = self.rule.inputs.timeframe
        bar = self.now.ts - NANOS_OF[CODE_OF[timeframe]]
        price = self.rule.inputs.price
        late = {} if self.found is None else self.found.late
        self.moment = Moment(
            self.now.seen_by(number),
            looks[-2].seen_by(number) if len(looks) > 1 else {},
            f"bar {where.clock(bar)}, {symbol} {timeframe}"
            if self.now.evaluate == "bar_close"
            else f"last complete bar, {symbol} {timeframe}",
            f"{'trade' if price == 'last' else price} at {where.clock(self.now.ts)}, {symbol}",
            "" if watch.settings.pinned_levels else where.session_before(bar),
            {text: where.late_bar(end, self.now.ts) for text, end in late.items()},
        )
