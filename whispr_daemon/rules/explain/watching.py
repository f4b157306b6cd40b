"""A rule run again, bar by bar, with everything it reads written down."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import msgspec

from whispr_daemon.domain.batch import Batch
from whispr_daemon.domain.outputs import Output
from whispr_daemon.rules.columns.splits import Splits
from whispr_daemon.rules.compile.record import Verdict
from whispr_daemon.rules.evaluated import Evaluated
from whispr_daemon.rules.explain.evaluated_tree import level_parts
from whispr_daemon.rules.logged import Logged
from whispr_daemon.rules.nodes import Compare, Const, Logic, Node, Type
from whispr_daemon.rules.order import heard_by
from whispr_daemon.rules.rule import Clause, Evaluate, Rule
from whispr_daemon.rules.settings import RuleSettings
from whispr_daemon.rules.strategy import RulesStrategy
from whispr_daemon.rules.tree import canonical, walk

KEPT: Final = 500  # evaluations of an instrument
_WATCH: Final = "whispr watch"  # no clause of a file can have this id: it has a space
_NOTHING: Final[Mapping[Any, Any]] = MappingProxyType({})


class Look(NamedTuple):
    """One evaluation of an instrument: what came of its clauses, and all values."""

    ts: int
    evaluate: Evaluate  # of which clauses it is
    verdicts: Mapping[int, Evaluated]  # by number of the clause
    numbers: Mapping[str, float]  # by canonical spelling
    waits: str  # what the rule still waits for, in words

    def seen_by(self, clause: int) -> Mapping[str, float]:
        """Return the values as a clause saw them: later ones may have set variables."""
        found = self.verdicts.get(clause)
        return self.numbers if found is None else {**self.numbers, **_numbers(found)}

    def verdict(self, clause: int) -> Verdict | None:
        """Return what came of a clause, None if it was not evaluated."""
        found = self.verdicts.get(clause)
        return None if found is None else found.verdict


class Watch:
    """Runs rules and keeps the last evaluations of one of them."""

    def __init__(
        self,
        rules: Sequence[Rule],
        name: str,
        settings: RuleSettings,
        extra: Mapping[Evaluate, Sequence[Node]] = _NOTHING,
        kept: int | None = KEPT,
    ) -> None:
        """Watch the rule ``name``.

        ``extra`` expressions get a value at every evaluation of bars, or of ticks, too.
        """
        self.rule = next(rule for rule in rules if rule.name == name)
        self.settings = settings
        watched = _watched(self.rule, extra)
        self._evaluate = [clause.evaluate for clause in watched.clauses]
        others = [rule for rule in heard_by(self.rule, rules) if rule.name != name]
        self._traced = Logged(RulesStrategy([*others, watched], settings))
        self._plain = Logged(RulesStrategy([*others, self.rule], settings))
        self._kept = kept
        self._looks: dict[str, deque[Look]] = {}
        self.outputs: list[Output] = []

    def skip(self, batch: Batch) -> None:
        """Take the first rows in, in whose evaluations nobody asks about."""
        self._heard(self._traced.on_batch(batch))
        self._plain.become(self._traced)

    def pass_by(self, batch: Batch) -> None:
        """Take rows in and keep what they evaluated, but not what the rule still waited for."""
        self._heard(self._plain.on_batch(batch))
        self._keep(batch, waits={})

    def fold(self, batch: Batch) -> None:
        """Take rows in, and keep what every one of them evaluated."""
        self._heard(self._plain.on_batch(batch))
        for place in range(len(batch)):
            self._keep(Batch(batch.rows[place : place + 1], batch.symbols))

    def _heard(self, said: Iterable[Output]) -> None:
        ids = {clause.id for clause in self.rule.clauses}
        self.outputs += (
            output
            for output in said
            if output.origin == self.rule.name and output.data.get("clause", "") in {*ids, ""}
        )

    def fires(self, symbol: str, clause: str) -> list[int]:
        """Return when a clause fired for an instrument, ns UTC, in order."""
        found = (
            output.ts_event
            for output in self.outputs
            if output.instrument == symbol
            and output.data.get("clause") == clause
            and "action" in output.data
        )
        return list(dict.fromkeys(found))

    def _keep(self, batch: Batch, waits: Mapping[str, str] | None = None) -> None:
        """Fold rows; ``waits`` is what rules wait for after them, None: what they say."""
        found = [
            (symbol, one)
            for symbol, one in self._traced.traced(batch, self.rule.name)
            if one.clause >= 0 and one.verdict not in _BESIDE
        ]
        if waits is None:
            waits = self._traced.warmup() if found else {}
        for (symbol, *_), ones in groupby(found, key=self._evaluation):
            self._look(symbol, [one for _, one in ones], waits)

    def _evaluation(self, found: tuple[str, Evaluated]) -> tuple[str, int, Evaluate]:
        symbol, one = found
        return symbol, one.row, self._evaluate[one.clause]

    def _look(self, symbol: str, ones: Sequence[Evaluated], waits: Mapping[str, str]) -> None:
        verdicts = {one.clause: one for one in ones}
        numbers = {key: number for one in ones for key, number in _numbers(one).items()}
        waiting = waits.get(f"{self.rule.name} {symbol}", "")
        looks = self._looks.setdefault(symbol, deque(maxlen=self._kept))
        evaluate = self._evaluate[ones[0].clause]
        looks.append(Look(ones[0].ts, evaluate, verdicts, numbers, waiting))

    def looks(self, symbol: str) -> Sequence[Look]:
        """Return the evaluations of an instrument that are kept, oldest first."""
        return self._looks.get(symbol, ())

    @property
    def splits(self) -> Splits:
        """The splits that are known."""
        return self._traced.strategy.splits

    def symbols(self) -> tuple[str, ...]:
        """Return the instruments that were evaluated."""
        return tuple(self._looks)


def _numbers(one: Evaluated) -> dict[str, float]:
    return {shown.key: number for shown, number in zip(one.shown, one.numbers, strict=True)}


_BESIDE: Final = (Verdict.TIMEOUT, Verdict.ERROR, Verdict.DISABLED, Verdict.DATA_GAP)


def _watched(rule: Rule, extra: Mapping[Evaluate, Sequence[Node]]) -> Rule:
    """Return the rule with clauses more, that read what is to have a value and never fire."""
    added = [
        clause
        for evaluate in dict.fromkeys(clause.evaluate for clause in rule.clauses)
        if (clause := _reading(rule, evaluate, extra.get(evaluate, ()))) is not None
    ]
    return msgspec.structs.replace(rule, clauses=(*rule.clauses, *added))


def _reading(rule: Rule, evaluate: Evaluate, extra: Sequence[Node]) -> Clause | None:
    mine = (clause for clause in rule.clauses if clause.evaluate == evaluate)
    whole = [node for clause in mine for node in clause.conditions]
    whole += [] if rule.when is None else [rule.when]
    parts = [part for top in whole for node in walk(top) for part in level_parts(node)]
    nodes = {canonical(node): node for node in (*parts, *extra)}
    if not nodes:
        return None
    never = tuple(_never(node) for node in nodes.values())
    condition = (
        never[0]
        if len(never) == 1
        else Logic(type=Type.BOOL, start=0, end=0, op="or", operands=never)
    )
    name = f"{_WATCH} {evaluate}"
    return Clause(id=name, digest=name, evaluate=evaluate, condition=condition, actions=())


def _never(node: Node) -> Node:
    """Return a condition that reads a node and is never true."""
    if node.type in (Type.BOOL, Type.EVENT):
        false = Const(type=Type.BOOL, start=0, end=0, value=-1.0)
        return Logic(type=Type.BOOL, start=0, end=0, op="and", operands=(false, node))
    return Compare(type=Type.BOOL, start=0, end=0, op="<", left=node, right=node)
