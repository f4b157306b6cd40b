"""Explanations from what the store has: of moments that the log no longer holds, or told beside."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeGuard

import msgspec

from whispr_daemon.domain.outputs import Audit, Output
from whispr_daemon.rules.evaluated import Plain
from whispr_daemon.rules.explain.explanation import Explanation, Outcome, Told
from whispr_daemon.rules.explain.where import Where
from whispr_daemon.rules.explain.words import action_in_words
from whispr_daemon.rules.rule import Rule


def stored(rule: Rule, said: Sequence[Output], where: Where) -> list[Explanation]:
    """Return an explanation of every clause that said something, from the values kept with it."""
    return [_explained(rule, outputs, where) for outputs in _by_clause(said).values()]


def told_otherwise(found: Sequence[Explanation], said: Sequence[Output]) -> list[Explanation]:
    """Return explanations of a replay, with what the store has where that differs.

    It does where the log no longer holds all that led to the moment, or the rules were others.
    """
    by_clause = _by_clause(said)
    return [_beside(one, by_clause.get(one.clause, [])) for one in found]


def annotated(found: Sequence[Explanation], said: Sequence[Output]) -> list[Explanation]:
    """Return explanations with what became known of their bars since."""
    since = [f"since: {one.message}" for one in said if _is_correction(one)]
    return [msgspec.structs.replace(one, facts=(*one.facts, *since)) for one in found]


def _is_correction(output: Output) -> TypeGuard[Audit]:
    return isinstance(output, Audit) and output.name == "correction"


def _beside(one: Explanation, said: Sequence[Output]) -> Explanation:
    live = _outcome(said) if said else "no"
    if live == one.outcome:
        return one
    words = "; ".join(map(action_in_words, said)) or "nothing"
    fact = f"the daemon said: {words} (it knew more, or other rules, than the log now holds)"
    return msgspec.structs.replace(one, facts=(*one.facts, fact))


def _by_clause(said: Sequence[Output]) -> dict[str, list[Output]]:
    found: dict[str, list[Output]] = {}
    for output in said:
        if "clause" in output.data:
            found.setdefault(str(output.data["clause"]), []).append(output)
    return found


def _outcome(said: Sequence[Output]) -> Outcome:
    fired = any("action" in output.data for output in said)
    held = any(isinstance(one, Audit) and one.name == "suppressed" for one in said)
    return "fired" if fired else "suppressed" if held else "no"


def _explained(rule: Rule, said: Sequence[Output], where: Where) -> Explanation:
    outcome = _outcome(said)
    reasons = (str(output.data["reason"]) for output in said if "reason" in output.data)
    values: Mapping[str, Plain] = next(
        (output.data["values"] for output in said if "values" in output.data), {}
    )
    first = said[0]
    ends: Mapping[str, int] = first.data.get("ref_late", {})
    late = {text: where.late_bar(end, first.ts_event) for text, end in ends.items()}
    direction = f"dir={first.direction}, gap={str(first.data.get('gap', False)).lower()}"
    acts = [action_in_words(output) for output in said if "action" in output.data]
    return Explanation(
        rule=rule.name,
        version=first.version,
        clause=str(first.data["clause"]),
        symbol=first.instrument,
        ts=first.ts_event,
        time=where.iso(first.ts_event),
        kind="event" if first.direction else "condition",
        outcome=outcome,
        reason=next(reasons, ""),
        tree=tuple(_told(values, late)),
        facts=(direction,) if first.direction else (),
        actions=tuple(acts),
        source="store",
    )


def _told(values: Mapping[str, Plain], late: Mapping[str, str]) -> Iterator[Told]:
    for text, value in values.items():
        shown = "na" if value is None else str(value)
        if isinstance(value, bool):
            shown = shown.lower()
        elif isinstance(value, float):
            shown = f"{value:.10g}"
        yield Told(text=text, value=value, shown=shown, note=late.get(text, ""))
