"""Why a test came out as it did: the evaluated trees around a miss."""

import math
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Final, NamedTuple

from whispr_daemon.domain.batch import Batch
from whispr_daemon.domain.outputs import Output
from whispr_daemon.rules.actions import Action, Emit, Intend, Warn
from whispr_daemon.rules.compile.compiler import compile_column
from whispr_daemon.rules.explain.explaining import explain
from whispr_daemon.rules.explain.figures import shown
from whispr_daemon.rules.explain.text import lines
from whispr_daemon.rules.explain.watching import Watch
from whispr_daemon.rules.explain.where import Where
from whispr_daemon.rules.golden.case import INTENTS, Case, Expected, WantedValue
from whispr_daemon.rules.golden.said import when
from whispr_daemon.rules.nodes import Node
from whispr_daemon.rules.rule import Clause, Evaluate
from whispr_daemon.rules.spelling import spelling
from whispr_daemon.rules.tree import canonical, children, is_constant

_CLAUSES: Final = 3  # that are told of where nobody can know which was meant


class Found(NamedTuple):
    """The value of an expression, beside what it was to be."""

    agrees: bool
    wanted: str
    found: str
    why: tuple[str, ...]


class Reasons:
    """Explains one case. The engine is run again for it, with all that it reads written down."""

    def __init__(self, case: Case) -> None:
        """Nothing is run before it is asked for."""
        self._case = case
        self._where = Where(case.clock.zone, case.clock.sessions.name)

    @cached_property
    def _watch(self) -> Watch:
        case = self._case
        read: dict[Evaluate, list[Node]] = {}
        for wanted in case.values:
            for evaluate, node in wanted.nodes.items():
                below = (child for child in children(node) if not is_constant(child))
                read.setdefault(evaluate, []).extend((node, *below))
        watch = Watch([case.rule], case.rule.name, case.settings, read, kept=None)
        watch.fold(Batch(case.rows, case.symbols))
        return watch

    def of_missing(self, wanted: Expected) -> tuple[str, ...]:
        """Return why what was expected did not come."""
        symbol = wanted.said.get("symbol")
        ids = [clause.id for clause in self._case.rule.clauses if _would_say(clause, wanted)]
        named = wanted.said.get("clause", wanted.said.get("id"))
        chosen = [one for one in ids if named in (None, one)]
        if not chosen:
            return ("no clause of the rule says this",)
        return self._told(chosen[:_CLAUSES], wanted.ts, symbol)

    def of_output(self, output: Output | None) -> tuple[str, ...]:
        """Return why an output came."""
        if output is None:
            return ()
        clause = str(output.data.get("clause", ""))
        return self._told([clause], output.ts_event, output.instrument)

    def of_clause(self, clause: str, ts: int, symbol: str | None) -> tuple[str, ...]:
        """Return what a clause (empty: any) was at an evaluation."""
        ids = [one.id for one in self._case.rule.clauses if clause in ("", one.id)]
        return self._told(ids[:_CLAUSES], ts, symbol)

    def _told(self, clauses: list[str], ts: int, symbol: str | None) -> tuple[str, ...]:
        found: list[str] = []
        for name in [symbol] if symbol else self._watch.symbols():
            told = explain(self._watch, name, ts, self._where)
            if not told:
                found.append(self._not_evaluated(name, ts))
            for one in told:
                if one.clause in clauses:
                    found += lines(one)
        return tuple(found) or (f"the rule was not evaluated at {when(ts, self._case)}",)

    def _not_evaluated(self, symbol: str, ts: int) -> str:
        times = [look.ts for look in self._watch.looks(symbol)]
        before = [one for one in times if one < ts][-1:]
        after = [one for one in times if one > ts][:1]
        near = " and ".join(when(one, self._case) for one in (*before, *after))
        text = f"{symbol} was not evaluated at {when(ts, self._case)} (a bar counts at its end)"
        text = f"{text}; next to it: {near}" if near else text
        local = self._case.clock.local
        same = [one for one in times if one != ts and local(one).time() == local(ts).time()]
        if not same:
            return text
        return f"{text}. A time without a date is of the first day: '{when(same[0], self._case)}'?"

    # ------------------------------------------------------------------ values
    def value(self, wanted: WantedValue) -> Found:
        """Return the value of an expression at an evaluation."""
        looks = [one for one in self._watch.looks(wanted.symbol) if one.ts == wanted.ts]
        if not looks:
            why = self._not_evaluated(wanted.symbol, wanted.ts)
            expected = _exact(wanted.value)
            return Found(agrees=False, wanted=expected, found="not evaluated", why=(why,))
        look = looks[-1]
        node = wanted.nodes[look.evaluate]
        expected = shown(node, wanted.value)
        value = _constant(node) if is_constant(node) else look.numbers[canonical(node)]
        truth = {1: 1.0, 0: math.nan, -1: -1.0}
        number = truth[int(value)] if node.type in ("bool", "event") else value
        both_na = math.isnan(number) and math.isnan(wanted.value)
        agrees = both_na or abs(number - wanted.value) <= wanted.tolerance
        exact = "na" if math.isnan(number) else f"{number:.12g}"
        told = shown(node, value)
        if node.type not in ("bool", "event", "str", "time", "dur"):
            expected, told = _exact(wanted.value), exact
        return Found(agrees, expected, told, tuple(self._parts(node, look.numbers)))

    def _parts(self, node: Node, numbers: Mapping[str, float]) -> Iterator[str]:
        for child in children(node):
            value = numbers.get(canonical(child))
            if value is not None and not is_constant(child):
                yield f"{spelling(child)} = {shown(child, value)}"


def _constant(node: Node) -> float:
    """Return the value of what is the same on every bar, and so is not written down."""
    program, out = compile_column(node), [math.nan]
    program.fold(1, (), program.literals, out)
    return out[0]


def _exact(value: float) -> str:
    return "na" if math.isnan(value) else f"{value:.12g}"


def _would_say(clause: Clause, wanted: Expected) -> bool:
    return any(_says(action, wanted) for action in (*clause.actions, *clause.on_timeout))


def _says(action: Action, wanted: Expected) -> bool:
    said = wanted.said
    if isinstance(action, Emit):
        return said.get("emit") == action.name
    if isinstance(action, Warn):
        return said.get("alert") == action.severity
    if isinstance(action, Intend):
        return action.verb in INTENTS and action.verb in said
    return "log" in said
